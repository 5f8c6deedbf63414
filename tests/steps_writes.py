"""Steps of random histories: writes, and losses of access beside them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tests.realtime.capture.ways import Write
from tests.reference import DOCUMENT
from tests.reference_lists import List
from tests.stage import FIELDS, USERS
from tests.steps_around import audiences, fields, pick, readers, users
from tests.steps_windows import Lists


class Histories(Lists):
    """What people, their admins, a broker and a network do."""

    def __init__(self) -> None:
        super().__init__()
        self.stage.create_document("owner")
        for user in ("editor", "viewer"):
            self._put(user, user, self.stage.documents[0])
        self.stage.settle()
        for user in ("owner", "editor", "viewer", "admin"):
            guest = self.stage.connect(user)
            assert guest is not None
            self._subscribe(guest, self.stage.key(self.stage.documents[0]))
            self._open(guest, "all", List(DOCUMENT, (), 100, None))
        self.look_back(0, (), 2, True)

    @precondition(lambda self: len(self.stage.guests) < 4)
    @rule()
    def come_back(self) -> None:
        """All are let in again, and look at all documents: few sockets prove little."""
        self.change_tenant(True)
        for user in USERS:
            if user not in self.reference.members:
                self.remove_or_add_member(user)
            self.change_user(user, True)
            self.change_membership(user, True, self.reference.members[user].role)
        for user in USERS[:-1]:
            guest = self.stage.connect(user)
            assert guest is not None
            for document in self.stage.documents:
                self._subscribe(guest, self.stage.key(document))
        self.look_back(0, (), 3, True)

    @rule(
        number=pick,
        names=fields,
        how=st.sampled_from(("save", "update", "update", "update", "bulk", "stale")),
    )
    def write(self, number: int, names: list[str], how: str) -> None:
        document = self._document(number)
        self._write(document, {name: self.stage.value(name) for name in names}, how)
        self.stage.settle()

    def _write(self, document: Document, values: dict[str, Any], how: str = "update") -> None:
        def write() -> None:
            obj = document if how == "stale" else self.stage.fresh(document)
            for name, value in values.items():
                setattr(obj, name, value)
            if how == "bulk":
                Document.objects.bulk_update([obj], list(values))
            else:
                obj.save(update_fields=list(values) if how == "stale" else None)

        if how == "update":
            self.stage.write(Write(Document, self._where(document), values))
        else:
            self.stage.orm(write)
        self.stage.do(lambda: self.stage.written(document, values))

    def _where(self, document: Document) -> dict[str, Any]:
        return {"tenant_id": self.stage.tenant.pk, "pk": document.pk}

    @rule(number=pick, first=fields, second=fields, inner=st.booleans())
    def write_twice_in_one_transaction(
        self, number: int, first: list[str], second: list[str], inner: bool
    ) -> None:
        """With `inner`, a third write between them is rolled back."""
        document = self._document(number)
        one, two = ({n: self.stage.value(n) for n in names} for names in (first, second))

        def write() -> None:
            with transaction.atomic():
                self._save(document, one)
                if inner:
                    with transaction.atomic():
                        self._save(document, {name: self.stage.value(name) for name in FIELDS})
                        transaction.set_rollback(True)
                self._save(document, two)

        here = self._where(document)
        self.stage.by_turns(write, Write(Document, here, one), Write(Document, here, two))
        self.stage.do(lambda: self.stage.written(document, one, two))
        self.stage.settle()

    def _save(self, document: Document, values: dict[str, Any]) -> None:
        obj = self.stage.fresh(document)
        for name, value in values.items():
            setattr(obj, name, value)
        obj.save()

    @rule(number=pick)
    def write_and_roll_back(self, number: int) -> None:
        document = self._document(number)
        values = {name: self.stage.value(name) for name in FIELDS}

        def write() -> None:
            with transaction.atomic():
                self._save(document, values)
                transaction.set_rollback(True)

        if self.stage.is_past():
            self.stage.elsewhere(Write(Document, self._where(document), values), commit=False)
        else:
            self.stage.orm(write)
        self.stage.settle()

    @rule(number=pick, name=st.sampled_from(("title", "body", "review_notes", "budget")))
    def there_and_back(self, number: int, name: str) -> None:
        document = self._document(number)
        before = self.stage.do(lambda: getattr(self.stage.fresh(document), name))
        for value in (self.stage.value(name), before):
            self._write(document, {name: value})
            self.reference.commit()
        self.stage.settle()

    @precondition(lambda self: self.stage.guests)
    @rule(
        number=pick,
        names=fields,
        back=st.none() | audiences,
        order=st.sampled_from((0, 1, -1)),
        reading=st.booleans(),
    )
    def lose_then_write(
        self, number: int, names: list[str], back: str | None, order: int, reading: bool
    ) -> None:
        """The new enemy; they may be let in again, after one change more. With an `order`, what the
        broker has of it comes in this order; with `reading`, while a round has read all before."""
        document, user = self._document(number), self._guest(number // 2).user
        watched = self._watched()
        if watched:
            document, user = watched[number % len(watched)]
        messages = self.stage.environment.messages
        holding, messages.holding = messages.holding, bool(order) or messages.holding
        before = len(messages.held)
        if reading:
            self.arm_gate("read_round")
            self.sweep()
        self._lose(user, document)
        for _ in range(1 if back is None else 2):
            self._write(document, {name: self.stage.value(name) for name in ("title", *names)})
            self.stage.settle()
        if back is not None:
            self._try_to_put(user, back, document)
        messages.holding = holding
        if order:
            while len(messages.held) > before:
                message = messages.held.pop(before if order > 0 else -1)
                self.stage.run(messages.deliver([message]))
                self.stage.settle()
        if reading:
            self.open_gates()

    def _lose(self, user: str, document: Document) -> None:
        """Take whatever they have of it themselves: an owner owns it no more."""
        if self.reference.things[self.stage.key(document)].owner == user:
            self._hand_over(document, next(other for other in USERS if other != user))
        if self._held(user, document):
            grants = {"user": self.stage.users[user], "content_object": document}
            self.stage.write(Write(DocumentUserGrant, grants))
            self._held(user, document).clear()
        self.stage.settle()

    def _watched(self) -> list[tuple[Document, str]]:
        """Who has a live copy of which document by a grant of their own, or as its owner."""
        return [
            (document, guest.user)
            for document in self.stage.documents
            for guest in self.stage.guests
            if self.stage.key(document) in guest.reader.copies
            and (
                self._held(guest.user, document)
                or self.reference.things[self.stage.key(document)].owner == guest.user
            )
        ]

    @precondition(lambda self: len(self.stage.guests) > 1)
    @rule(number=pick, owner=users, write_last=st.booleans())
    def crowd(self, number: int, owner: str, write_last: bool) -> None:
        """Several come to a new document while it is written and its group is being joined."""
        gates = self.stage.environment.gates
        self.replace(number, owner, again=False)
        document = self.stage.documents[-1]
        key, title = self.stage.key(document), {"title": self.stage.value("title")}
        crowd = [guest for guest in self.stage.guests if guest.user != owner][:3]
        for guest in crowd:
            self._try_to_put(guest.user, "viewer", document)
        for kind, guest in zip(("group_add", "read_round", "read_round"), crowd, strict=False):
            gates.armed.add(kind)
            if guest in self.stage.guests:
                self._subscribe(guest, key)
        self._write(document, title)
        if write_last:
            self.stage.settle()
        gates.open()
        self.stage.settle()

    @rule(number=pick, user=readers, names=fields)
    def revoke_and_write_in_one_transaction(self, number: int, user: str, names: list[str]) -> None:
        document, values = self._document(number), {n: self.stage.value(n) for n in names}

        def write() -> None:
            with transaction.atomic():
                self._save(document, values)
                self._take_row(user, document)

        if self.stage.is_past():
            held = {"user": self.stage.users[user], "content_object": document}
            here = Write(Document, self._where(document), values)
            self.stage.elsewhere(here, Write(DocumentUserGrant, held))
            self._held(user, document).clear()
        else:
            self.stage.orm(write)
        self.stage.do(lambda: self.stage.written(document, values))
        self.stage.settle()

    @rule(user=users)
    def rename(self, user: str) -> None:
        key = self.reference.profile(user)
        if key is None:
            return
        values = {name: self.stage.value(name) for name in ("display_name", "bio", "phone")}

        where = {"tenant_id": self.stage.tenant.pk, "user": self.stage.users[user]}
        self.stage.write(Write(Profile, where, values))
        self.reference.things[key].values.update(values)
        self.stage.settle()

    @rule(number=pick, user=users)
    def change_owner(self, number: int, user: str) -> None:
        self._hand_over(self._document(number), user)

    def _hand_over(self, document: Document, user: str) -> None:
        owner = {"owner": self.stage.users[user]}
        self.stage.write(Write(Document, self._where(document), owner))
        self.reference.things[self.stage.key(document)].owner = user
        self.stage.settle()

    @rule(number=pick, owner=users, again=st.booleans())
    def replace(self, number: int, owner: str, again: bool) -> None:
        """Delete a document and create another one, perhaps with the same key."""
        document = self._document(number)
        row, of = self.stage.fresh(document), {"content_object": document}
        self.stage.by_turns(
            row.delete,
            *(Write(table, of) for table in (DocumentUserGrant, DocumentGroupGrant)),
            Write(Document, self._where(document)),
        )
        del self.reference.things[self.stage.key(document)]
        self.stage.documents.remove(document)
        self.reference.commit()
        pk = document.pk if again else None
        self.stage.create_document(owner, pk)
        self.stage.settle()

    @precondition(lambda self: len(self.stage.documents) < 4)
    @rule(owner=users)
    def create(self, owner: str) -> None:
        self.stage.create_document(owner)
        self.stage.settle()

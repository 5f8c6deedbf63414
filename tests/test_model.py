"""Promises 1 to 4 under random histories: a real hub against a reference model.

`EARSHOT_MODEL_STEPS` says how many steps; a failure prints the steps that lead to it.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm, remove_perm
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from knox.models import AuthToken

from permissions import grants
from permissions.grants import LastHolder, Subject
from realtime.subscriptions import State
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, Profile
from tenants.models import Membership, Tenant, User
from tests.reference import DOCUMENT, PERMISSION, PROFILE, Key
from tests.stage import FIELDS, GROUPS, USERS, Guest, Stage

STEPS_EACH = 40
STEPS = int(os.environ.get("EARSHOT_MODEL_STEPS", "320"))

# Without shrinking a failure costs no minutes: ask for fewer steps with EARSHOT_MODEL_SHRINK.
PHASES = (Phase.generate, *((Phase.shrink,) if "EARSHOT_MODEL_SHRINK" in os.environ else ()))

AUDIENCES = ("owner", "editor", "viewer", "auditor")

pick = st.integers(0, 999)
users = st.sampled_from(USERS)
readers = st.sampled_from(("owner", "editor", "viewer", "nobody"))
audiences = st.sampled_from(AUDIENCES)
groups = st.sampled_from(GROUPS)
fields = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)


class Model(RuleBasedStateMachine):
    """What people, their admins, a broker and a network do."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.reference = self.stage.reference
        for user in ("editor", "viewer"):
            self._put(user, user, self.stage.documents[0])
        self.stage.settle()
        for user in ("owner", "editor", "viewer", "admin"):
            guest = self.stage.connect(user)
            assert guest is not None
            self._subscribe(guest, self.stage.key(self.stage.documents[0]))

    def teardown(self) -> None:
        try:
            if self.stage.sound:
                self.stage.converge()
        finally:
            self.stage.close()

    # Sockets.

    def _guest(self, number: int) -> Guest:
        return self.stage.guests[number % len(self.stage.guests)]

    def _document(self, number: int) -> Document:
        return self.stage.documents[number % len(self.stage.documents)]

    def _subscribe(self, guest: Guest, key: Key, **more: Any) -> None:
        ref = next(self.stage.refs)
        guest.reader.subscribe(key, ref)
        self.stage.send(guest, model=key[0], id=key[1], ref=ref, **more)

    def _key(self, number: int) -> Key:
        """Mostly a document's, sometimes a profile's."""
        profiles = [key for key in self.reference.things if key[0] == PROFILE]
        if number % 4 == 0 and profiles:
            return profiles[number // 4 % len(profiles)]
        return self.stage.key(self._document(number))

    @rule(user=users, number=pick)
    def connect(self, user: str, number: int) -> None:
        if len(self.stage.guests) < 8 and (guest := self.stage.connect(user)):
            self._subscribe(guest, self._key(number))

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

    @precondition(lambda self: len(self.stage.guests) > 3)
    @rule(number=pick)
    def disconnect(self, number: int) -> None:
        self.stage.disconnect(self._guest(number))

    @precondition(lambda self: len(self.stage.guests) > 3)
    @rule(number=pick)
    def log_out(self, number: int) -> None:
        guest = self._guest(number)
        guest.reader.log_out()
        self.stage.do(AuthToken.objects.filter(pk=guest.token.pk).delete)
        self.stage.settle()

    @precondition(lambda self: self.stage.guests)
    @rule(number=pick, what=pick, holding=st.booleans())
    def subscribe(self, number: int, what: int, holding: bool) -> None:
        guest, key = self._guest(number), self._key(what)
        known = guest.reader.etags.get(key)
        more = {"etag": known[0]} if holding and known else {}
        self._subscribe(guest, key, **more)

    @precondition(lambda self: self.stage.guests)
    @rule(number=pick, what=pick)
    def unsubscribe(self, number: int, what: int) -> None:
        guest, key, ref = self._guest(number), self._key(what), next(self.stage.refs)
        guest.reader.unsubscribe(key, ref)
        self.stage.send(guest, action="unsubscribe", model=key[0], id=key[1], ref=ref)

    @precondition(lambda self: self.stage.guests)
    @rule(number=pick)
    def sleep(self, number: int) -> None:
        self.stage.sleep(self._guest(number))

    @precondition(lambda self: self.stage.guests)
    @rule(number=pick)
    def wake(self, number: int) -> None:
        self.stage.wake(self._guest(number))

    # Writes.

    @rule(number=pick, names=fields, how=st.sampled_from(("save", "update", "bulk", "stale")))
    def write(self, number: int, names: list[str], how: str) -> None:
        document = self._document(number)
        self._write(document, {name: self.stage.value(name) for name in names}, how)
        self.stage.settle()

    def _write(self, document: Document, values: dict[str, Any], how: str = "save") -> None:
        def write() -> None:
            rows = Document.objects.filter(tenant=self.stage.tenant, pk=document.pk)
            if how == "update":
                rows.update(**values)
            else:
                obj = document if how == "stale" else self.stage.fresh(document)
                for name, value in values.items():
                    setattr(obj, name, value)
                if how == "bulk":
                    Document.objects.bulk_update([obj], list(values))
                else:
                    obj.save(update_fields=list(values) if how == "stale" else None)
            self.stage.written(document, values)

        self.stage.do(write)

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
            self.stage.written(document, one, two)

        self.stage.do(write)
        self.stage.settle()

    def _save(self, document: Document, values: dict[str, Any]) -> None:
        obj = self.stage.fresh(document)
        for name, value in values.items():
            setattr(obj, name, value)
        obj.save()

    @rule(number=pick)
    def write_and_roll_back(self, number: int) -> None:
        document = self._document(number)

        def write() -> None:
            with transaction.atomic():
                self._save(document, {name: self.stage.value(name) for name in FIELDS})
                transaction.set_rollback(True)

        self.stage.do(write)
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
        """The new enemy; he may be let in again, after one change more. With an `order`, what the
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
        self.stage.do(lambda: self._take_row(user, document))
        self.stage.settle()
        for _ in range(1 if back is None else 2):
            self._write(document, {name: self.stage.value(name) for name in ("title", *names)})
            self.stage.settle()
        if back is not None:
            self._try_to_put(user, back, document)
        messages.holding = holding
        if order:
            late, messages.held = messages.held[before:], messages.held[:before]
            self._deliver(late[::order])
        if reading:
            self.open_gates()

    def _watched(self) -> list[tuple[Document, str]]:
        """Who has a live copy of which document by a grant of his own."""
        return [
            (document, guest.user)
            for document in self.stage.documents
            for guest in self.stage.guests
            if self.stage.key(document) in guest.reader.copies and self._held(guest.user, document)
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

    def _deliver(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self.stage.run(self.stage.environment.messages.deliver([message]))
            self.stage.settle()

    @rule(number=pick, user=readers, names=fields)
    def revoke_and_write_in_one_transaction(self, number: int, user: str, names: list[str]) -> None:
        document, values = self._document(number), {n: self.stage.value(n) for n in names}

        def write() -> None:
            with transaction.atomic():
                self._save(document, values)
                self._take_row(user, document)
            self.stage.written(document, values)

        self.stage.do(write)
        self.stage.settle()

    @rule(user=users)
    def rename(self, user: str) -> None:
        key = self.reference.profile(user)
        if key is None:
            return
        values = {name: self.stage.value(name) for name in ("display_name", "bio", "phone")}

        def write() -> None:
            profile = Profile.objects.get(tenant=self.stage.tenant, user=self.stage.users[user])
            for name, value in values.items():
                setattr(profile, name, value)
            profile.save()

        self.stage.do(write)
        self.reference.things[key].values.update(values)
        self.stage.settle()

    @rule(number=pick, user=users)
    def change_owner(self, number: int, user: str) -> None:
        document = self._document(number)
        self.stage.do(
            lambda: Document.objects.filter(tenant=self.stage.tenant, pk=document.pk).update(
                owner=self.stage.users[user]
            )
        )
        thing = self.reference.things[self.stage.key(document)]
        if thing.owner != user:
            thing.held[thing.owner].discard("own_document")
            thing.held[user].add("own_document")
            thing.owner = user
        self.stage.settle()

    @rule(number=pick, owner=users, again=st.booleans())
    def replace(self, number: int, owner: str, again: bool) -> None:
        """Delete a document and create another one, perhaps with the same key."""
        document = self._document(number)
        self.stage.do(self.stage.fresh(document).delete)
        del self.reference.things[self.stage.key(document)]
        self.stage.documents.remove(document)
        self.reference.commit()
        pk = document.pk if again else None
        self.stage.do(lambda: self.stage.create_document(owner, pk))
        self.stage.settle()

    @precondition(lambda self: len(self.stage.documents) < 3)
    @rule(owner=users)
    def create(self, owner: str) -> None:
        self.stage.do(lambda: self.stage.create_document(owner))
        self.stage.settle()

    # Access to one object.

    def _held(self, holder: str, document: Document) -> set[str]:
        return self.reference.things[self.stage.key(document)].held[holder]

    def _put(self, user: str, audience: str, document: Document) -> None:
        given = DOCUMENTS.audience(audience)
        assert given is not None
        subject = Subject(user_id=self.stage.users[user].pk)
        self.stage.do(lambda: grants.put(DOCUMENTS, document, subject, given))
        held = self._held(user, document)
        held.clear()
        held.add(PERMISSION[DOCUMENT, audience])

    def _take_row(self, user: str, document: Document) -> None:
        try:
            grants.take(DOCUMENTS, document, Subject(user_id=self.stage.users[user].pk))
        except LastHolder:
            return
        self._held(user, document).clear()

    @rule(number=pick, user=readers, audience=audiences)
    def put(self, number: int, user: str, audience: str) -> None:
        self._try_to_put(user, audience, self._document(number))

    def _try_to_put(self, user: str, audience: str, document: Document) -> None:
        try:
            self._put(user, audience, document)
        except LastHolder:
            self.stage.sound = True
        self.stage.settle()

    @rule(number=pick, user=readers)
    def take(self, number: int, user: str) -> None:
        document = self._document(number)
        self.stage.do(lambda: self._take_row(user, document))
        self.stage.settle()

    @rule(number=pick, role=st.sampled_from(("admin", "member")), audience=audiences)
    def put_role(self, number: int, role: str, audience: str) -> None:
        document, given = self._document(number), DOCUMENTS.audience(audience)
        assert given is not None
        try:
            self.stage.do(lambda: grants.put(DOCUMENTS, document, Subject(role=role), given))
        except LastHolder:
            self.stage.sound = True
        else:
            held = self._held(f"role:{role}", document)
            held.clear()
            held.add(given.permission)
        self.stage.settle()

    @rule(number=pick, holder=st.one_of(readers, groups), audience=audiences, give=st.booleans())
    def use_guardian(self, number: int, holder: str, audience: str, give: bool) -> None:
        document, permission = self._document(number), PERMISSION[DOCUMENT, audience]
        held = self._held(holder, document)

        def write() -> None:
            who = self.stage.group(holder) if holder in GROUPS else self.stage.users[holder]
            (assign_perm if give else remove_perm)(permission, who, document)

        self.stage.do(write)
        (held.add if give else held.discard)(permission)
        self.stage.settle()

    # Groups, memberships, users, the tenant.

    @rule(
        group=groups,
        user=readers,
        how=st.sampled_from(("add", "remove", "clear")),
        reverse=st.booleans(),
    )
    def change_group(self, group: str, user: str, how: str, reverse: bool) -> None:
        def write() -> None:
            row: Any = self.stage.group(group)
            manager = row.user_set if reverse else self.stage.users[user].groups
            if how == "clear" and not reverse:
                how_many = self.stage.users[user].groups
                how_many.remove(*how_many.filter(name__endswith=f"s-{self.stage.number}"))
            else:
                getattr(manager, how)(
                    *([] if how == "clear" else [self.stage.users[user] if reverse else row])
                )

        self.stage.do(write)
        if how == "add":
            self.reference.groups[group].add(user)
        elif how == "clear" and reverse:
            self.reference.groups[group].clear()
        else:
            for name in [group] if how == "remove" else GROUPS:
                self.reference.groups[name].discard(user)
        self.stage.settle()

    @rule(group=groups)
    def delete_group(self, group: str) -> None:
        def write() -> None:
            self.stage.group(group).delete()
            Group.objects.create(name=self.stage.group_name(group))

        self.stage.do(write)
        self.reference.groups[group].clear()
        for thing in self.reference.things.values():
            thing.held[group].clear()
        self.stage.settle()

    @rule(user=users, active=st.booleans(), role=st.sampled_from(("admin", "member")))
    def change_membership(self, user: str, active: bool, role: str) -> None:
        rows = Membership.objects.filter(tenant=self.stage.tenant, user=self.stage.users[user])
        self.stage.do(lambda: rows.update(is_active=active, role=role))
        if member := self.reference.members.get(user):
            member.active, member.role = active, role
        self.stage.settle()

    @rule(user=users)
    def remove_or_add_member(self, user: str) -> None:
        if user not in self.reference.members:
            self.stage.do(lambda: self.stage.join(user, "member"))
        else:
            rows = Membership.objects.filter(tenant=self.stage.tenant, user=self.stage.users[user])
            self.stage.do(rows.delete)
            profile = self.reference.profile(user)
            assert profile is not None
            del self.reference.members[user], self.reference.things[profile]
        self.stage.settle()

    @rule(user=users, active=st.booleans())
    def change_user(self, user: str, active: bool) -> None:
        rows = User.objects.filter(pk=self.stage.users[user].pk)
        self.stage.do(lambda: rows.update(is_active=active))
        self.reference.users[user] = active
        self.stage.settle()

    @precondition(lambda self: not self.reference.active or len(self.stage.guests) > 5)
    @rule(active=st.booleans())
    def change_tenant(self, active: bool) -> None:
        rows = Tenant.objects.filter(pk=self.stage.tenant.pk)
        self.stage.do(lambda: rows.update(is_active=active))
        self.reference.active = active
        self.stage.settle()

    # The environment.

    @initialize(lossy=st.booleans(), messages=st.booleans(), announcements=st.integers(0, 3))
    def begin(self, lossy: bool, messages: bool, announcements: int) -> None:
        """Some histories have a late broker, or a late process, from the first step on. Where
        nothing is lost, nothing needs the tail."""
        self.stage.lossy = lossy
        self.stage.environment.messages.holding = messages
        self.stage.environment.outbox.holding = not announcements

    @rule(holding=st.booleans())
    def hold_messages(self, holding: bool) -> None:
        self.stage.environment.messages.holding = holding

    @rule(number=pick, copies=st.integers(0, 2))
    def release_message(self, number: int, copies: int) -> None:
        """Deliver one of the late messages, out of order; no copy of it: it is lost."""
        messages = self.stage.environment.messages
        if messages.held:
            message = messages.held.pop(number % len(messages.held))
            copies = copies if self.stage.lossy else max(copies, 1)
            self.stage.run(messages.deliver([message] * copies))
            self.stage.settle()

    @rule(backwards=st.booleans())
    def release_messages(self, backwards: bool) -> None:
        messages = self.stage.environment.messages
        late, messages.held = messages.held, []
        self.stage.run(messages.deliver(reversed(late) if backwards else late))
        self.stage.settle()

    @rule(number=pick)
    def repeat_message(self, number: int) -> None:
        """A message that was delivered long ago comes once more."""
        messages = self.stage.environment.messages
        if messages.past:
            self.stage.run(messages.deliver([messages.past[-1 - number % len(messages.past)]]))
            self.stage.settle()

    @rule(holding=st.booleans())
    def hold_announcements(self, holding: bool) -> None:
        self.stage.environment.outbox.holding = holding

    @rule(number=pick, lost=st.booleans())
    def release_announcement(self, number: int, lost: bool) -> None:
        """A process goes on to announce what it committed, or dies before."""
        held = self.stage.environment.outbox.held
        if held:
            announcement = held.pop(number % len(held))
            if not (lost and self.stage.lossy):
                self.stage.do(lambda: self.stage.environment.outbox.announce([announcement]))
            self.stage.settle()

    @rule(kind=st.sampled_from(
        ("read_round", "read_round", "read_pairs", "ended", "group_add", "group_added",
         "group_discard")
    ))  # fmt: skip
    def arm_gate(self, kind: str) -> None:
        self.stage.environment.gates.armed.add(kind)

    @rule()
    def open_gates(self) -> None:
        self.stage.environment.gates.open()
        self.stage.settle()

    @precondition(lambda self: self.stage.lossy)
    @rule()
    def fail_next_join(self) -> None:
        self.stage.environment.joins.failing = True

    @rule()
    def tail(self) -> None:
        self.stage.tail()

    @rule()
    def sweep(self) -> None:
        rounds = self.stage.environment.hub.rounds.get(self.stage.tenant.pk)
        if rounds is not None:
            live = [s for s in rounds.index.all if s.state is State.LIVE]
            self.stage.run(_ask(rounds, live))
            self.stage.settle()


async def _ask(rounds: Any, live: list[Any]) -> None:
    rounds.ask(live)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("by_hand")
def test_every_socket_receives_only_what_its_user_could_see_and_converges() -> None:
    run_state_machine_as_test(
        Model,
        settings=settings(
            max_examples=max(1, STEPS // STEPS_EACH),
            stateful_step_count=STEPS_EACH,
            derandomize="EARSHOT_MODEL_STEPS" not in os.environ,
            database=None,
            deadline=None,
            print_blob=True,
            phases=PHASES,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )

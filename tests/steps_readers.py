"""Steps of random histories: sockets, and who may see what of one object."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from guardian.shortcuts import assign_perm, remove_perm
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)
from knox.models import AuthToken

from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.grants import DefaultGrant
from permissions.subjects import Subject
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tenants.roles import role_group
from tests.realtime.capture.ways import Write
from tests.reference import BY_DEFAULT, DOCUMENT, PERMISSION, PROFILE, Key
from tests.stage import GROUPS, Guest
from tests.steps_around import Circumstances, audiences, groups, pick, readers, users


def permission_row(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="resources")


class Readers(Circumstances):
    """What readers do, and who is one."""

    # Sockets.

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

    @precondition(lambda self: len(self.stage.guests) > 3)
    @rule(number=pick)
    def disconnect(self, number: int) -> None:
        self.stage.disconnect(self._guest(number))

    @precondition(lambda self: len(self.stage.guests) > 3)
    @rule(number=pick)
    def log_out(self, number: int) -> None:
        guest = self._guest(number)
        guest.reader.log_out()
        token = AuthToken.objects.filter(pk=guest.token.pk)
        if self.stage.do(token.exists):  # else it ended with a password
            self.stage.write(Write(AuthToken, {"pk": guest.token.pk}))
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

    # Access to one object.

    def _held(self, holder: str, document: Document) -> set[str]:
        return self.reference.things[self.stage.key(document)].held[holder]

    def _put(self, user: str, audience: str, document: Document) -> None:
        given = DOCUMENTS.audience(audience)
        assert given is not None
        subject = Subject(user_id=self.stage.users[user].pk)
        self.stage.orm(lambda: grants.put(DOCUMENTS, document, subject, given, actor=SYSTEM))
        self._granted(user, document, PERMISSION[DOCUMENT, audience])

    def _granted(self, holder: str, document: Document, permission: str) -> None:
        """The holder's only grant; none if they hold that without one."""
        thing = self.reference.things[self.stage.key(document)]
        whose = "owner" if holder == thing.owner else holder if ":" in holder else ""
        by_default = BY_DEFAULT[DOCUMENT].get(whose)  # one user is named `owner`
        thing.held[holder] = set() if permission == by_default else {permission}

    def _take_row(self, user: str, document: Document) -> None:
        try:
            grants.take(
                DOCUMENTS, document, Subject(user_id=self.stage.users[user].pk), actor=SYSTEM
            )
        except DefaultGrant:
            return
        self._held(user, document).clear()

    def _put_row(self, holder: str, audience: str | None, document: Document) -> None:
        """Past Django, which knows what they hold without a grant and would refuse a lesser one."""
        table, who = self._table(holder)
        here = {**who, "content_object": document}
        rows, held = [Write(table, here)], self._held(holder, document)
        held.clear()
        if audience is not None:
            given = PERMISSION[DOCUMENT, audience]
            rows.append(Write(table, None, {**here, "permission": permission_row(given)}))
            held.add(given)
        self.stage.elsewhere(*rows)

    def _table(self, holder: str) -> tuple[Any, dict[str, Any]]:
        """Where their grants are, and what names them there."""
        if holder in self.stage.users:
            return DocumentUserGrant, {"user": self.stage.users[holder]}
        if holder in GROUPS:
            return DocumentGroupGrant, {"group": self.stage.group(holder)}
        role = holder.removeprefix("role:")
        return DocumentGroupGrant, {
            "group": self.stage.do(lambda: role_group(self.stage.tenant.pk, role))
        }

    @rule(number=pick, user=readers, audience=audiences)
    def put(self, number: int, user: str, audience: str) -> None:
        document = self._document(number)
        if self.stage.is_past():
            self._put_row(user, audience, document)
            self.stage.settle()
        else:
            self._try_to_put(user, audience, document)

    def _try_to_put(self, user: str, audience: str, document: Document) -> None:
        try:
            self._put(user, audience, document)
        except DefaultGrant:
            self.stage.sound = True
        self.stage.settle()

    @rule(number=pick, user=readers)
    def take(self, number: int, user: str) -> None:
        document = self._document(number)
        if self.stage.is_past():
            self._put_row(user, None, document)
        else:
            self.stage.orm(lambda: self._take_row(user, document))
        self.stage.settle()

    @rule(number=pick, role=st.sampled_from(("admin", "member")), audience=audiences)
    def put_role(self, number: int, role: str, audience: str) -> None:
        document, given = self._document(number), DOCUMENTS.audience(audience)
        assert given is not None
        if self.stage.is_past():
            self._put_row(f"role:{role}", audience, document)
            self.stage.settle()
            return
        try:
            self.stage.orm(
                lambda: grants.put(DOCUMENTS, document, Subject(role=role), given, actor=SYSTEM)
            )
        except DefaultGrant:
            self.stage.sound = True
        else:
            self._granted(f"role:{role}", document, given.permission)
        self.stage.settle()

    @rule(number=pick, holder=st.one_of(readers, groups), audience=audiences, give=st.booleans())
    def use_guardian(self, number: int, holder: str, audience: str, give: bool) -> None:
        document, permission = self._document(number), PERMISSION[DOCUMENT, audience]
        held = self._held(holder, document)

        def write() -> None:
            who = self.stage.group(holder) if holder in GROUPS else self.stage.users[holder]
            (assign_perm if give else remove_perm)(permission, who, document)

        table, who = self._table(holder)
        row = {**who, "permission": permission_row(permission), "content_object": document}
        if give and permission in held:
            self.stage.orm(write)
        else:
            self.stage.by_turns(write, Write(table, None, row) if give else Write(table, row))
        (held.add if give else held.discard)(permission)
        self.stage.settle()

"""The reference model: who saw what after each commit, and so what a socket may receive.

Pure: it knows neither Django nor the product. It is told what commits, keeps every state that each
user could see of each object, and takes a socket's frames one by one. Values are unique, so a
payload tells from which commits it can be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

DOCUMENT: Final = "resources.document"
PROFILE: Final = "resources.profile"

_TEXT: Final = ("title", "body", "status", "owner_name", "updated_at")

CLOCKED: Final = {"title", "body", "status"}

AUDIENCES: Final[dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]] = {
    DOCUMENT: (
        ("owner", "own_document", (*_TEXT, "review_notes", "due_on", "budget")),
        ("editor", "change_document", (*_TEXT, "review_notes", "due_on")),
        ("viewer", "view_document", _TEXT),
        ("auditor", "audit_document", ("title", "status", "owner_name", "created_at")),
    ),
    PROFILE: (
        (
            "self", "own_profile",
            ("username", "display_name", "title", "bio", "email", "phone", "timezone"),
        ),
        ("admin", "administer_profile", ("username", "display_name", "title", "email")),
        ("member", "view_profile", ("display_name", "title", "bio")),
    ),
}  # fmt: skip
BY_DEFAULT: Final = {
    DOCUMENT: {"owner": "own_document", "role:admin": "audit_document"},
    PROFILE: {
        "owner": "own_profile", "role:admin": "administer_profile", "role:member": "view_profile",
    },
}  # fmt: skip
"""What an object's owner, and a role, hold without a grant."""
PERMISSION: Final = {
    (label, name): permission
    for label, audiences in AUDIENCES.items()
    for name, permission, _ in audiences
}

Key = tuple[str, str]
"""An object as the wire names it: model and id."""

Payload = dict[str, Any]
View = tuple[str, Payload]
"""What one user sees of one object: their audience and its payload."""

Holder = str
"""Who holds permissions: a user's name, or a group's."""


class Violation(AssertionError):
    """A socket received what it may not, or did not receive what it must."""


@dataclass
class Thing:
    """One object: its values, who is granted which permissions on it, and its place in lists."""

    owner: str
    values: Payload
    number: int
    held: defaultdict[Holder, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass
class Member:
    """A user's place in the tenant."""

    role: str
    active: bool = True


class Reference:
    """One tenant: what is stored in it now, and what each user could see after each commit."""

    def __init__(self, users: Iterable[str], groups: Iterable[str]) -> None:
        self.active = True
        self.users = dict.fromkeys(users, True)
        self.members: dict[str, Member] = {}
        self.groups: dict[str, set[str]] = {group: set() for group in groups}
        self.things: dict[Key, Thing] = {}
        self.numbers: dict[Key, int] = {}
        self.seen: defaultdict[tuple[str, Key], list[View | None]] = defaultdict(lambda: [None])
        self.standings: dict[str, list[int]] = {user: [0] for user in self.users}

    def commit(self) -> None:
        """A transaction has committed: note what everybody sees now."""
        self.numbers.update((key, thing.number) for key, thing in self.things.items())
        for user, standings in self.standings.items():
            standings.append(self.standing(user))
            for key in {*self.things, *(key for who, key in self.seen if who == user)}:
                states, view = self.seen[user, key], self.view(user, key)
                if view != states[-1]:
                    states.append(view)

    def standing(self, user: str) -> int:
        """The code with which their sockets close now; 0: they may stay."""
        member = self.members.get(user)
        if not self.users[user]:
            return 4401
        return 0 if self.active and member is not None and member.active else 4403

    def view(self, user: str, key: Key) -> View | None:
        """What they see of the object as it is stored now."""
        thing = self.things.get(key)
        if thing is None or self.standing(user):
            return None
        permissions = set[str]().union(*(thing.held[holder] for holder in self._holders(user)))
        permissions |= self._by_default(user, key)
        for audience, permission, fields in AUDIENCES[key[0]]:
            if permission in permissions:
                values = {**thing.values, "owner_name": self._display_name(thing.owner)}
                return audience, {"id": key[1], **{name: values[name] for name in fields}}
        return None

    def _by_default(self, user: str, key: Key) -> set[str]:
        given = BY_DEFAULT[key[0]]
        whose = {"owner"} if self.things[key].owner == user else set[str]()
        return {given[who] for who in (*whose, f"role:{self.members[user].role}") if who in given}

    def _holders(self, user: str) -> list[Holder]:
        groups = [name for name, users in self.groups.items() if user in users]
        return [user, f"role:{self.members[user].role}", *groups]

    def _display_name(self, user: str) -> str:
        profile = self.profile(user)
        return "" if profile is None else str(self.things[profile].values["display_name"])

    def profile(self, user: str) -> Key | None:
        """The user's profile, if they have one."""
        keys = (k for k, thing in self.things.items() if k[0] == PROFILE and thing.owner == user)
        return next(keys, None)

    def write(self, key: Key, clock: str, writes: Iterable[Payload]) -> None:
        """One transaction's writes of an object; its clock moves only with what CLOCKED names."""
        stored = self.things[key].values
        before, moved = stored["updated_at"], False
        for values in writes:
            moved |= any(stored[name] != values[name] for name in CLOCKED & values.keys())
            stored.update(values)
        if clock != before and not moved:
            raise Violation(f"updated_at of {key} moved by what its readers may not see")
        stored["updated_at"] = clock


class Reader:
    """One socket of one user, as its client sees it; every frame is held against the reference."""

    def __init__(self, reference: Reference, user: str) -> None:
        self.user = user
        self.copies: dict[Key, View] = {}
        self.etags: dict[Key, tuple[str, View]] = {}
        self.closed = 0
        self.reference = reference
        self._asked: dict[int, Key] = {}
        self._ending: dict[int, Key] = {}
        self._position: dict[Key, int] = {}
        self._opened = len(reference.standings[user]) - 1
        self._logged_out = False

    def subscribe(self, key: Key, ref: int) -> None:
        """The client asks for a live copy: a new one is not older than the question."""
        if key not in self.copies and key not in self._asked.values():
            self._position[key] = len(self.reference.seen[self.user, key]) - 1
        self._asked[ref] = key

    def unsubscribe(self, key: Key, ref: int) -> None:
        """The client ends a copy, and what it asked for before."""
        self._ending[ref] = key

    def log_out(self) -> None:
        """The credential of the socket ended."""
        self._logged_out = True

    def view(self, key: Key) -> View | None:
        """What the user sees of the object now."""
        return self.reference.view(self.user, key)

    @property
    def unanswered(self) -> list[Key]:
        """What the client asked for and has not heard of."""
        return [*self._asked.values(), *self._ending.values()]

    @property
    def codes(self) -> set[int]:
        """The codes with which it might have been closed at some time, 0 among them."""
        codes = set(self.reference.standings[self.user][self._opened :])
        return codes | {4401} if self._logged_out else codes

    @property
    def must_close(self) -> bool:
        """Whether the socket may not stay."""
        return self._logged_out or bool(self.reference.standing(self.user))

    def verify_current(self) -> None:
        """Nothing is late or lost: all that was asked is answered, and every copy is as stored."""
        if self.must_close or self.unanswered:
            raise Violation(f"{self.user} is not closed, or waits for {self.unanswered}")
        for key, copy in self.copies.items():
            if copy != (now := self.reference.view(self.user, key)):
                raise Violation(f"{self.user} holds {copy} of {key}; now {now}")

    def close(self, code: int) -> None:
        """The server closed the socket."""
        if code not in self.codes:
            raise Violation(f"{self.user} was closed with {code}, not one of {self.codes}")
        self.closed = code

    def receive(self, frame: dict[str, Any]) -> None:
        """Hold one frame against what this user could see, and keep it as a client does."""
        if self.closed:
            raise Violation(f"{self.user} received {frame} after the close")
        kind = frame["type"].partition("_")[0]
        if kind not in ("WELCOME", "PONG"):
            kinds = {
                "SUBSCRIBED": self._subscribed,
                "UPDATE": self._updated,
                "AUDIENCE": self._moved,
                "DELETE": self._deleted,
                "ERROR": self._refused,
                "UNSUBSCRIBED": self._unsubscribed,
            }
            kinds[kind](frame, (frame["model"], frame["id"]))

    def _subscribed(self, frame: dict[str, Any], key: Key) -> None:
        self._answered(frame, key)
        self._take(key, frame["audience"], frame["etag"], frame.get("payload"))

    def _moved(self, frame: dict[str, Any], key: Key) -> None:
        if self._copy(key, frame)[0] == frame["audience"]:
            raise Violation(f"{self.user} was moved to where they were: {frame}")
        self._take(key, frame["audience"], frame["etag"], frame["payload"])

    def _deleted(self, frame: dict[str, Any], key: Key) -> None:
        self._copy(key, frame)
        self._match(key, None)
        del self.copies[key]

    def _refused(self, frame: dict[str, Any], key: Key) -> None:
        self._answered(frame, key)
        self._match(key, None)

    def _updated(self, frame: dict[str, Any], key: Key) -> None:
        audience, payload = self._copy(key, frame)
        if audience != frame["audience"]:
            raise Violation(f"{self.user} was moved without being told: {frame}")
        if payload == frame["payload"] or not set(frame["changed"]) <= set(payload):
            raise Violation(f"{self.user} heard of what they do not see: {frame}")
        self._take(key, audience, frame["etag"], frame["payload"])

    def _answered(self, frame: dict[str, Any], key: Key) -> None:
        if self._asked.pop(frame["ref"], None) != key:
            raise Violation(f"{self.user} did not ask for {frame}")

    def _unsubscribed(self, frame: dict[str, Any], key: Key) -> None:
        ref = frame["ref"]
        if self._ending.pop(ref, None) != key:
            raise Violation(f"{self.user} did not ask for {frame}")
        self._asked = {r: k for r, k in self._asked.items() if k != key or r > ref}
        self.copies.pop(key, None)

    def _copy(self, key: Key, frame: dict[str, Any]) -> View:
        if key not in self.copies:
            raise Violation(f"{self.user} has no subscription for {frame}")
        return self.copies[key]

    def _take(self, key: Key, audience: str, etag: str, payload: Payload | None) -> None:
        known = self.etags.get(key)
        if payload is None:
            if known is None or known[0] != etag:
                raise Violation(f"{self.user} does not know etag {etag} of {key}")
            payload = known[1][1]
        view = audience, payload
        if known is not None and (known[0] == etag) != (known[1] == view):
            raise Violation(f"an etag of {key} stands for both {known[1]} and {view}")
        self._match(key, view)
        self.etags[key] = etag, view
        self.copies[key] = view

    def _match(self, key: Key, view: View | None) -> None:
        """It was so after some commit, not before the one that the last frame was of."""
        states, position = self.reference.seen[self.user, key], self._position.get(key, 0)
        if view in states[position:]:
            self._position[key] = states.index(view, position)
        elif view in states:
            raise Violation(f"{self.user} was shown an older {key}: {view}; now {states[-1]}")
        else:
            raise Violation(f"{self.user} never could see of {key}: {view}; now {states[-1]}")

"""A database that keeps its whole history, for the windows of the real hub: three objects, two
users, one role.

Audience A (`owner`) sees all fields, B (`viewer`) all but the budget, and not the status either if
that is hidden from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from permissions.accesslog import Touch
from permissions.audiences import registry
from permissions.listing import Ask
from permissions.representation import ObjectKey, Representation
from realtime.hub.reading import RoundReading
from realtime.hub.tail import Changed
from realtime.publishing.moves import Move
from realtime.state.frames import Frame

MODEL = "resources.document"
TENANT = 1
USERS = (1, 2)
KEYS = (1, 2, 3)
NAMES = {"A": "owner", "B": "viewer"}
FIELDS = {"a": "budget", "b": "title", "w": "status"}

Pair = tuple[int, ObjectKey]


class Row(NamedTuple):
    """An object: its version, its fields, and who is granted what."""

    version: int
    a: int
    b: int
    w: int
    grants: tuple[str, str]
    role: str


class State(NamedTuple):
    """One committed state."""

    revision: int
    members: tuple[bool, bool]
    active: bool
    rows: tuple[Row | None, ...]

    def row(self, pk: int) -> Row | None:
        """The object of this key."""
        return self.rows[pk - 1]

    def audience(self, user: int, pk: int) -> str | None:
        """In which audience of the object the user is."""
        row = self.row(pk)
        if row is None or not self.active:
            return None
        held = row.grants[user - 1] + (row.role if self.members[user - 1] else "")
        return "A" if "A" in held else "B" if "B" in held else None


class Database:
    """The history, and what is still to be announced; `hidden` says that B does not see `w`."""

    def __init__(self, state: State, *, hidden: bool) -> None:
        self.history = [state]
        self.touches: list[list[Touch]] = []
        self.changes: list[Changed] = []
        self.unpublished: list[tuple[int, str, str, bool]] = []
        self.hidden = hidden
        self.highest = 1

    @property
    def now(self) -> State:
        """The last committed state."""
        return self.history[-1]

    def view(self, row: Row, audience: str) -> dict[str, Any]:
        """An object as this audience sees it."""
        shown = {"title": row.b, "status": str(row.w)}
        if audience == "A":
            return {"budget": row.a, **shown}
        return {"title": row.b} if self.hidden else shown

    def listed(self, state: State, user: int, where: bool, after: int | None = None) -> list[int]:
        """The keys of a user's list, newest first."""
        found = []
        for pk in reversed(KEYS):
            row, audience = state.row(pk), state.audience(user, pk)
            if row is None or audience is None or (after is not None and pk >= after):
                continue
            if not where or self.view(row, audience).get("status") == "1":
                found.append(pk)
        return found

    # Writes.

    def commit(self, write: str) -> bool:
        """Carry out a write; whether it changed anything.

        `D1aw` writes fields of object 1, `C1:1A` creates it for user 1 or (`r`) the role, `X1`
        deletes it; `G1:1B` grants, `G1:r-` takes from the role; `M1` moves user 1 in or out of the
        role, `T` suspends or resumes the tenant, `N` is somebody else's access change.
        """
        kind, s = write[0], self.now
        if kind in "DCXG":
            return self._write_row(kind, int(write[1]), write[2:])
        if kind == "M":
            place = int(write[1]) - 1
            moved = tuple(in_ != (n == place) for n, in_ in enumerate(s.members))
            self._add(s._replace(members=moved), [Touch(place + 1)])  # type: ignore[arg-type]
        elif kind == "T":
            self._add(s._replace(active=not s.active), [Touch()])
        else:
            self._add(s, [Touch(99)])
        return True

    def _write_row(self, kind: str, pk: int, what: str) -> bool:
        row = self.now.row(pk)
        if (row is None) is not (kind == "C"):
            return False
        if kind == "D":
            assert row is not None
            version = row.version + 1
            row = row._replace(
                version=version,
                a=version if "a" in what else row.a,
                b=version if "b" in what else row.b,
                w=1 - row.w if "w" in what else row.w,
            )
            self._put(pk, row)
            self._change(pk, version, what)
        elif kind == "C":
            self.highest += 10
            row = Row(self.highest, self.highest, self.highest, 1, ("", ""), "")
            self._put(pk, _granted(row, what))
            self._change(pk, self.highest, "", creation=True)
        elif kind == "X":
            self._put(pk, None, [Touch(None, MODEL, pk, deleted=True)])
        else:
            assert row is not None
            given = _granted(row, what)
            if given == row:
                return False
            user = None if what[1] == "r" else int(what[1])
            self._put(pk, given, [Touch(user, MODEL, pk)])
        return True

    def _change(self, pk: int, version: int, fields: str, *, creation: bool = False) -> None:
        self.highest = max(self.highest, version)
        names = None if creation else [FIELDS[f] for f in fields]
        self.changes.append(Changed(TENANT, ObjectKey(MODEL, pk), version, names, creation))
        since = fields if creation else "".join(f for k, f, _, _ in self.unpublished if k == pk)
        self.unpublished.append((pk, fields, since + fields, creation))

    def _put(self, pk: int, row: Row | None, touches: Sequence[Touch] = ()) -> None:
        rows = (*self.now.rows[: pk - 1], row, *self.now.rows[pk:])
        self._add(self.now._replace(rows=rows), touches)

    def _add(self, state: State, touches: Sequence[Touch]) -> None:
        if touches:
            state = state._replace(revision=state.revision + 1)
            self.touches.append(list(touches))
        self.history.append(state)

    # What the hub reads.

    def _frame(self, state: State, pk: int, audience: str) -> Frame:
        row = state.row(pk)
        assert row is not None
        body = json.dumps(self.view(row, audience))
        declared = registry.get(MODEL).declared(NAMES[audience])
        seen = Representation(
            TENANT, ObjectKey(MODEL, pk), declared.name, row.version, state.revision,
            audience + body, declared.schema, body.encode(),
        )  # fmt: skip
        return Frame(seen, ("title",))

    def _see(self, state: State, pairs: Iterable[Pair]) -> dict[Pair, Frame | None]:
        seen: dict[Pair, Frame | None] = {}
        for user, key in pairs:
            audience = state.audience(user, key.pk)
            seen[user, key] = None if audience is None else self._frame(state, key.pk, audience)
        return seen

    def _lists(self, asks: Sequence[tuple[str, Ask]]) -> tuple[list[list[int]], list[Pair]]:
        found = [
            self.listed(self.now, ask.user_id, bool(ask.where), ask.after)[: ask.limit + 1]
            for _, ask in asks
        ]
        pairs = [
            (ask.user_id, ObjectKey(MODEL, pk))
            for (_, ask), pks in zip(asks, found, strict=True)
            for pk in pks[: ask.limit]
        ]
        return found, pairs

    def read_round(
        self,
        tenant_id: int,
        applied: int | None,
        pairs: Collection[Pair],
        lists: Sequence[tuple[str, Ask]] = (),
        fresh: Collection[ObjectKey] = (),
    ) -> RoundReading:
        """What a round reads first."""
        found, more = self._lists(lists)
        rows = (
            [Touch()]
            if applied is None
            else list(chain.from_iterable(self.touches[applied : self.now.revision]))
        )
        seen = self._see(self.now, [*pairs, *more])
        return RoundReading(self.now.revision, rows, seen, found)

    def read_pairs(
        self, tenant_id: int, pairs: Collection[Pair], fresh: Collection[ObjectKey] = ()
    ) -> tuple[int, dict[Pair, Frame | None]]:
        """What a round reads later."""
        return self.now.revision, self._see(self.now, pairs)

    def read_lists(
        self, tenant_id: int, lists: Sequence[tuple[str, Ask]]
    ) -> tuple[list[list[int]], int, dict[Pair, Frame | None]]:
        """What a round lists later."""
        found, pairs = self._lists(lists)
        return found, self.now.revision, self._see(self.now, pairs)

    # What is announced.

    def publish(self, place: int) -> Iterator[Frame | Move]:
        """What a publisher sends of a commit, as it reads the database now."""
        pk, _, since, creation = self.unpublished.pop(place)
        row = self.now.row(pk)
        if row is None:
            return
        both = "b" in since or ("w" in since and not self.hidden)
        audiences = ("A", "B") if both else ("A",) if since else ()
        frames = [self._frame(self.now, pk, audience) for audience in audiences]
        yield from frames
        moved = frozenset(FIELDS[f] for f in since)
        key = ObjectKey(MODEL, pk)
        yield Move(TENANT, key, self.now.revision, moved, creation, tuple(frames))


def _granted(row: Row, what: str) -> Row:
    """The object with a grant: `:1A`, `:rB`, `:2-`."""
    audience = what[2].strip("-")
    if what[1] == "r":
        return row._replace(role=audience)
    place = int(what[1]) - 1
    grants = tuple(audience if n == place else held for n, held in enumerate(row.grants))
    return row._replace(grants=grants)  # type: ignore[arg-type]

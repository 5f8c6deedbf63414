"""What the model knows: the database's history, what is on its way, and one subscription.

An object has two fields. Audience A sees both, audience B the second one; the reader is in one of
them, or sees nothing. Other processes act only through the database and the broker, so one hub
with arbitrary publishers stands for any number of processes.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

AUDIENCES = ("A", "B")
NOBODY = "-"
GONE = "gone"

Payload = tuple[str, int, int] | tuple[str, int]


T = TypeVar("T")


def at(pair: tuple[T, T], place: int, one: T) -> tuple[T, T]:
    """The pair with this one in its place."""
    return (one, pair[1]) if place == 0 else (pair[0], one)


class Row(NamedTuple):
    """One committed state of the object and of what its reader may see."""

    version: int
    revision: int
    audience: str
    first: int
    second: int

    def payload(self, audience: str) -> Payload:
        """What an audience sees."""
        return ("A", self.first, self.second) if audience == "A" else ("B", self.second)


class Frame(NamedTuple):
    """What a publisher sent to one audience; `at` is the place in the history that it read."""

    audience: str
    version: int
    revision: int
    at: int


class Round(NamedTuple):
    """A round under way: where its rows were read, and then where its payloads were."""

    rows_at: int
    wanted: bool
    touched: bool
    joined: tuple[str, ...]
    read_at: int | None = None


class State(NamedTuple):
    """All that decides what can happen next; places are indexes into the history.

    `slot` is what is to be sent next and `sent` what the client has: an audience with a place, GONE
    or None. `floor` is the earliest place whose payload may still be sent.
    """

    history: tuple[Row, ...] = (Row(0, 0, "A", 0, 0),)
    touches: tuple[bool, ...] = ()
    writes: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    network: frozenset[Frame] = frozenset()
    standing: str = "none"
    audience: str | None = None
    version: int = -1
    overtaken_at: int = -1
    groups: tuple[str, str] = ("left", "left")
    newest: tuple[Frame | None, Frame | None] = (None, None)
    applied: int = 0
    behind: int = 0
    asked: bool = False
    round: Round | None = None
    slot: tuple[str, int] | str | None = None
    unanswered: bool = False
    sent: Payload | str | None = None
    floor: int = 0
    subscribes: int = 1
    repeats: int = 0
    sweeps: int = 0

    @property
    def now(self) -> int:
        """The place of the last commit."""
        return len(self.history) - 1

    def shown(self) -> Payload | str | None:
        """The newest that the client has or is about to get."""
        if isinstance(self.slot, tuple):
            return self.history[self.slot[1]].payload(self.slot[0])
        return self.sent

    def group(self, audience: str) -> str:
        """Where the hub's process stands in an audience's group."""
        return self.groups[AUDIENCES.index(audience)]

    def with_group(self, audience: str, standing: str) -> State:
        """The same, with the process elsewhere in this group; who leaves keeps no frame of it."""
        place = AUDIENCES.index(audience)
        last = None if standing == "leaving" else self.newest[place]
        return self._replace(
            groups=at(self.groups, place, standing), newest=at(self.newest, place, last)
        )

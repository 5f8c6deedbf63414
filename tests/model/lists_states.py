"""What the model of windows knows: a history of two objects, what is on its way, and one socket.

Object 1 is newer than object 0. The user is in audience A, which sees `a`, `b` and `w`, in B, which
sees `b`, and `w` unless that is hidden, or sees nothing (`-`). Two windows are open at most: `few`,
of objects whose `w` is 1, of one row, and `all`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

KEYS = (1, 0)
NAMES = ("few", "all")
LIMIT = 1

Payload = tuple[Any, ...]


class Row(NamedTuple):
    """An object, and in which audience the user is."""

    version: int
    a: int
    b: int
    w: int
    audience: str


class Database(NamedTuple):
    """One committed state."""

    revision: int
    rows: tuple[Row | None, Row | None]

    def audience(self, key: int) -> str | None:
        """In which audience of the object the user is."""
        row = self.rows[key]
        return None if row is None or row.audience == "-" else row.audience


class Move(NamedTuple):
    """What a publisher sent of an object: `at` is the place in the history that it read."""

    key: int
    at: int
    revision: int
    version: int
    fields: str
    created: bool

    def audiences(self, hidden: bool) -> tuple[str, ...]:
        """Those who see a difference."""
        if not self.fields:
            return ()
        seen = self.fields.replace("w", "") if hidden else self.fields
        return ("A", "B") if "b" in seen or "w" in seen else ("A",)


class Window(NamedTuple):
    """A window; objects up to `floor` are below it."""

    number: int
    live: bool = False
    floor: int = -1
    due: bool = True
    placing: bool = False


class Held(NamedTuple):
    """An object on the socket: of which `state` it is (pending, live or ended), the place in the
    history of its newest one, which windows hold it, and of which the client was told."""

    state: str = "pending"
    audience: str = ""
    version: int = -1
    at: int = -1
    fresh: bool = False
    windows: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    sent: Payload | None = None


class Round(NamedTuple):
    """A round under way: what it reads, where its rows were read, and then where its lists were."""

    rows_at: int
    todo: frozenset[int]
    lists: tuple[tuple[str, int], ...]
    read_at: int = -1
    listed: tuple[tuple[int, ...], ...] = ()


class State(NamedTuple):
    """All that decides what can happen next. `floors` are the earliest places whose payloads may
    still be sent, and `rows` and `copies` what the client has."""

    history: tuple[Database, ...]
    hidden: bool = False
    writes: tuple[str, ...] = ()
    touches: tuple[frozenset[int] | None, ...] = ()
    unpublished: tuple[tuple[int, str, bool], ...] = ()
    network: frozenset[Move] = frozenset()
    held: tuple[Held | None, Held | None] = (None, None)
    windows: tuple[Window | None, Window | None] = (None, None)
    opens: tuple[int, int] = (1, 0)
    closes: int = 0
    numbers: int = 0
    joined: bool = False
    applied: int = 0
    behind: int = 0
    asks: frozenset[int | str] = frozenset()
    kept: frozenset[tuple[str, Move]] = frozenset()
    look: frozenset[int] = frozenset()
    round: Round | None = None
    rows: frozenset[tuple[str, int]] = frozenset()
    copies: tuple[Payload | None, Payload | None] = (None, None)
    floors: tuple[int, int] = (0, 0)

    @property
    def now(self) -> int:
        """The place of the last commit."""
        return len(self.history) - 1

    def window(self, name: str) -> Window | None:
        """The window of this name."""
        return self.windows[NAMES.index(name)]

    def put(self, **values: Any) -> State:
        """The same with other values."""
        return self._replace(**values)

    def with_held(self, key: int, held: Held | None) -> State:
        """The same with another row."""
        return self.put(held=at(self.held, key, held))

    def with_window(self, name: str, window: Window | None) -> State:
        """The same with another window."""
        return self.put(windows=at(self.windows, NAMES.index(name), window))

    def ask(self, *what: int | str) -> State:
        """These are read in the next round."""
        return self.put(asks=self.asks | set(what))

    def view(self, place: int, key: int, audience: str) -> Payload:
        """What an audience saw of an object."""
        row = self.history[place].rows[key]
        assert row is not None
        if audience == "A":
            return ("A", row.a, row.b, row.w)
        return ("B", row.b) if self.hidden else ("B", row.b, row.w)

    def matches(self, name: str, payload: Payload) -> bool:
        """Whether an object that is seen so is in the window's list."""
        return name == "all" or (len(payload) > 2 and payload[-1] == 1)

    def listed(self, name: str, place: int) -> tuple[int, ...]:
        """The window's whole list, newest first."""
        found = []
        for key in KEYS:
            audience = self.history[place].audience(key)
            if audience and self.matches(name, self.view(place, key, audience)):
                found.append(key)
        return tuple(found)

    def inside(self, name: str, key: int) -> bool:
        """Whether the object is in the range of a live window."""
        window = self.window(name)
        return window is not None and window.live and key > window.floor


def at(pair: tuple[Any, Any], place: int, one: Any) -> tuple[Any, Any]:
    """The pair with this one in its place."""
    return (one, pair[1]) if place == 0 else (pair[0], one)

"""Windows: live lists on a socket, and which rows they hold. No I/O, no Django.

A window is the beginning of its user's list of a model, newest first: a key range, a filter and a
limit. A row is the subscription of one object on one socket, for its client or for windows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from realtime.state import messages
from realtime.state.messages import Reference
from realtime.state.subscriptions import State, Subscription

if TYPE_CHECKING:
    from realtime.state.sockets import Socket

Where = tuple[tuple[str, tuple[Any, ...]], ...]
"""A filter: values of payload fields, any of each."""
Matches = Callable[[Mapping[str, Any]], bool]
NO_ROWS: Final[frozenset[Subscription]] = frozenset()
place_of: Final[Callable[[Subscription], Any]] = attrgetter("key.pk")
"""Return a row's place in the order of lists, upwards."""


class WindowState(Enum):
    """The state of a window."""

    PENDING = "pending"  # its list has not been read yet
    LIVE = "live"
    ENDED = "ended"


LIVE: Final = WindowState.LIVE  # see `subscriptions`


class Keeper(Protocol):
    """What windows need of the rounds of their tenant."""

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        """Have these rows read in the next round."""

    def ask_window(self, window: Window) -> None:
        """Have the window's list read in the next round."""

    def reads(self, s: Subscription) -> bool:
        """Return whether a round is reading the row."""

    def waits(self, s: Subscription) -> bool:
        """Return whether the row is asked for, or something newer is kept of it."""

    def let_go(self, s: Subscription) -> None:
        """Forget a row that nobody here wants any more."""


def forgotten(s: Subscription) -> None:
    """Note that the client may have forgotten what it held of a row when it opened windows: it was
    told that the row left or is gone, or it has ended what held it."""
    for window in s.socket.windows.values():
        window.have.pop(s.id, None)


class Window:
    """One live list of one socket, under the name that its client gave it.

    Its rows have keys below `after` and above `floor` (None: no end). `members` are the rows that
    belong to it, upwards, `entering` those of them that the client has still to be told of, and
    `have` the etags of payloads that the client holds. `due` says that the window has not been
    answered yet, and `awaited` are rows of its list that still wait to be read: they come before
    the answer.
    `told_more` is what the client was last told of rows below the floor. `fields` are those by
    which windows of the model may filter, `where` is the filter and `matches` decides it by the
    values of a payload; `sign` makes a cursor of a key. `viewing` is its row of the ledger, and
    `ended` why it ended.
    """

    __slots__ = (
        "_alone", "_matches", "_sign", "_told", "after", "awaited", "due", "ended", "entering",
        "fields", "floor", "have", "limit", "members", "model", "name", "placing", "ref", "socket",
        "state", "told_more", "viewing", "where",
    )  # fmt: skip

    def __init__(
        self,
        socket: Socket,
        model: str,
        name: str,
        *,
        limit: int,
        after: Any | None = None,
        where: Where = (),
        fields: Iterable[str] = (),
        matches: Matches = bool,
        have: Mapping[str, str] | None = None,
        ref: Reference | None = None,
        sign: Callable[[Any], str] = str,
    ) -> None:
        self.socket = socket
        self.model = model
        self.name = name
        self.limit = limit
        self.after = after
        self.where = where
        self.fields = tuple(fields) if where else ()
        self.have = dict(have or {})
        self.ref = ref
        self.state = WindowState.PENDING
        self.floor: Any | None = None
        self.members: list[Subscription] = []
        self.entering: set[Subscription] = set()
        self.awaited = NO_ROWS
        self.due = True
        self.told_more = False
        self.placing = False
        self.viewing: int | None = None
        self.ended = ""
        self._matches = matches
        self._sign = sign
        self._alone = frozenset((self,))  # of all rows that nothing else holds
        self._told: list[Subscription] = []  # what the client has, upwards

    @property
    def is_live(self) -> bool:
        """Return whether its list was read, and it has not ended."""
        return self.state is LIVE

    @property
    def is_ended(self) -> bool:
        """Return whether it has ended."""
        return self.state is WindowState.ENDED

    def inside(self, pk: Any) -> bool:
        """Return whether the key is in the window's range, and the window is live."""
        return (
            self.state is LIVE
            and (self.floor is None or pk > self.floor)
            and (self.after is None or pk < self.after)
        )

    def fits(self, s: Subscription) -> bool:
        """Return whether a live row that nothing held belongs to the window, which was answered,
        and moves nothing else in it."""
        return (
            self.model == s.key.model
            and self.inside(s.key.pk)
            and not (self.due or self.placing or self.where)
            and len(self.members) < self.limit
            and not s.windows
            and not s.entered
        )

    def holds(self, s: Subscription) -> bool:
        """Return whether the row belongs to the window as it is now.

        A pending row stays where it is, as far as the range lets it; what cannot be shown now is
        held, so that it can enter when it can be.
        """
        if s.state is State.ENDED or not self.inside(s.key.pk):
            return False
        if s.state is State.PENDING:
            return self in s.windows
        return not s.available or self.matches(s.values)

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Return whether a payload with these values is in the window's list."""
        return not self.where or self._matches(values)

    @property
    def standing(self) -> tuple[Any, int, bool]:
        """Return what decides whether the client is to be told of the window itself: its floor, how
        many rows it has, and whether the client has been told of each."""
        return self.floor, len(self.members), not self.entering

    @property
    def short(self) -> bool:
        """Return whether so few rows are left that the list must be read again, and has more."""
        return self.floor is not None and 2 * len(self.members) < self.limit

    def admit(self, s: Subscription) -> None:
        """Make the row one of the window's."""
        if self not in s.windows:
            s.windows = s.windows | {self} if s.windows else self._alone
            _insert(self.members, s)

    def take_in(self, s: Subscription) -> None:
        """Make a row that fits, and of which the client was told, one of the window's."""
        s.windows = s.entered = self._alone
        _insert(self.members, s)
        _insert(self._told, s)

    def dismiss(self, s: Subscription) -> None:
        """Make the row none of the window's."""
        if self in s.windows:
            s.windows -= {self}
            del self.members[_place(self.members, s)]
            self.entering.discard(s)

    def cut(self) -> Subscription | None:
        """Dismiss and return the lowest row if there is one too many; None otherwise.

        The floor rises to it: else rows below would be missed, and `more` would lie.
        """
        if len(self.members) <= self.limit:
            return None
        lowest = self.members[0]
        self.floor = lowest.key.pk
        self.dismiss(lowest)
        return lowest

    def wait_for(self, listed: Iterable[Subscription]) -> None:
        """Let those of its list come before the answer that still wait, as for their own group."""
        if self.due:
            self.awaited = frozenset(s for s in listed if s.state is State.PENDING)

    def come(self, s: Subscription) -> None:
        """Wait for this row no longer."""
        self.awaited = self.awaited - {s} or NO_ROWS

    # What the client is told.

    def enter(self, s: Subscription) -> None:
        """Note that the client is told of a row."""
        s.entered = s.entered | {self} if s.entered else self._alone
        self.entering.discard(s)
        _insert(self._told, s)

    def below(self, s: Subscription) -> str | None:
        """Return the id of the row above which the client is to put one that enters."""
        place = _place(self._told, s)
        return self._told[place - 1].id if place else None

    def leave(self, s: Subscription) -> None:
        """Note that the client is told that a row has left."""
        s.entered -= {self}
        del self._told[_place(self._told, s)]

    def has(self, s: Subscription, etag: str) -> bool:
        """Return whether the client named this payload of a row that enters for the first time."""
        return self.due and self.have.pop(s.id, None) == etag

    def news(self) -> str | None:
        """Return the text that says that the window is complete, or whether there is more.

        None while rows are on their way, or if the client knows.
        """
        more = self.floor is not None
        if not self.is_live or self.placing or self.entering or self.awaited:
            return None
        if not self.due and more == self.told_more:
            return None
        due, self.due, self.told_more = self.due, False, more
        if due:
            self.have.clear()  # what did not enter, the client forgets
            self.entering.clear()  # empty, but as large as it was
            return messages.window_subscribed(self.model, self.name, more, self._cursor(), self.ref)
        return messages.more(self.model, self.name, more, self._cursor())

    def _cursor(self) -> str | None:
        """Return the cursor with which the list goes on below; None if there is no more."""
        if self.floor is None:
            return None
        if self._told:
            return self._sign(self._told[0].key.pk)
        if isinstance(self.floor, int):
            return self._sign(self.floor + 1)
        return None if self.after is None else self._sign(self.after)


def _insert(rows: list[Subscription], s: Subscription) -> None:
    if not rows or rows[-1].key.pk < s.key.pk:  # what was created stands above all others
        rows.append(s)
    else:
        insort(rows, s, key=place_of)


def _place(rows: list[Subscription], s: Subscription) -> int:
    if not rows or rows[-1].key.pk < s.key.pk:
        return len(rows)
    return bisect_left(rows, s.key.pk, key=place_of)

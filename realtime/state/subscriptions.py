"""A subscription: one object that one socket holds a live copy of. No I/O, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from permissions.representation import ObjectKey
from realtime.state.frames import Digest, Frame
from realtime.state.messages import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtime.state.sockets import Socket
    from realtime.state.windows import Window


class State(Enum):
    """The state of a subscription."""

    PENDING = "pending"  # asked for, or between two audiences: nothing may be sent
    LIVE = "live"
    UNAVAILABLE = "unavailable"  # in its audience, but neither shown the object nor allowed to yet
    ENDED = "ended"


# By these names, since before Python 3.12 an enumeration looks its members up ten times as slowly.
PENDING: Final = State.PENDING
LIVE: Final = State.LIVE
UNAVAILABLE: Final = State.UNAVAILABLE
ENDED: Final = State.ENDED


class Gone(Enum):
    """Held by a slot instead of a frame when there is nothing to see any more."""

    GONE = "gone"


GONE: Final = Gone.GONE
NOWHERE: Final[frozenset[Window]] = frozenset()
NO_VALUES: Final[Mapping[str, Any]] = MappingProxyType({})


class Opened(NamedTuple):
    """The ledger row that is open while a subscription has an audience."""

    access: int
    audience: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subscribe without an answer yet: the client's `ref` and the etag it holds."""

    ref: Reference | None
    etag: str | None


class Asked:
    """What only a row has for which its client asked by id: the subscribes that wait, how many of
    them were told that the object cannot be shown, whether one was answered, the row of the ledger,
    and why it was cancelled."""

    __slots__ = ("answered", "ended", "known", "opened", "waiting")

    def __init__(self) -> None:
        self.waiting: tuple[Waiting, ...] = ()
        self.answered = 0
        self.known = False
        self.opened: Opened | None = None
        self.ended = ""


class Subscription:
    """One socket's subscription of one object: for its client, for windows, or for both.

    `pair` is who asks for what; `slot` is the one state to be sent next, or the digest of one for
    which there is no room yet; `sent` names the last payload handed to the socket, `told` says that
    it has been told since that the object cannot be shown, as have the first `answered` of those
    `waiting`; `version` is the newest that the fence let in, `audience` the one it is for;
    `overtaken_at` the version at which a read was last older; `opened` its row of the ledger.

    `single` says that the client asked for it by its id; what only such a row needs is in `asked`,
    since there are many others in windows. `windows` are those that hold it and `entered` those of
    which the client was told that they do, `values` the newest payload's values by which they
    filter.
    """

    __slots__ = (
        "asked", "audience", "entered", "id", "key", "overtaken_at", "sent", "slot", "socket",
        "state", "told", "values", "version", "windows",
    )  # fmt: skip

    def __init__(self, socket: Socket, key: ObjectKey, id: str, *, single: bool = True) -> None:
        self.socket = socket
        self.key = key
        self.id = id
        self.asked = Asked() if single else None
        self.state = PENDING
        self.audience: str | None = None
        self.version = -1
        self.overtaken_at = -1
        self.slot: Frame | Digest | Gone | None = None
        self.sent: Digest | None = None
        self.told = False
        self.windows = self.entered = NOWHERE
        self.values = NO_VALUES

    @property
    def user_id(self) -> int:
        """Return the id of the subscribing user."""
        return self.socket.user_id

    @property
    def pair(self) -> tuple[int, ObjectKey]:
        """Return who asks for what."""
        return self.socket.user_id, self.key

    @property
    def single(self) -> bool:
        """Return whether its client asked for it by its id."""
        return self.asked is not None

    @single.setter
    def single(self, asked: bool) -> None:
        self.asked = (self.asked or Asked()) if asked else None

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """Return the subscribes without an answer yet, the oldest first."""
        return () if self.asked is None else self.asked.waiting

    @property
    def opened(self) -> Opened | None:
        """Return its row of the ledger."""
        return None if self.asked is None else self.asked.opened

    @opened.setter
    def opened(self, opened: Opened | None) -> None:
        if self.asked is not None:
            self.asked.opened = opened

    @property
    def held(self) -> bool:
        """Return whether its client or a window wants it."""
        return self.single or bool(self.windows)

    @property
    def is_known(self) -> bool:
        """Return whether it was read or sent before, so that it matters what changed since."""
        return self.version >= 0 or self.sent is not None

    @property
    def accounted(self) -> bool:
        """Return whether the ledger says by itself what it shows: of what is only in windows, it
        says by whom they are viewed."""
        return self.opened is not None or not self.single

    @property
    def moves(self) -> bool:
        """Return whether the client has to be told that it entered or left a window."""
        if self.windows is self.entered:  # nearly always
            return bool(self.windows) and not self.available
        return self.entered != (self.windows if self.available else NOWHERE)

    @property
    def newest(self) -> Digest | None:
        """Return the newest payload, sent or still to be sent."""
        if self.slot is None or self.slot is GONE or not self.slot.available:
            return self.sent
        return self.slot.digest

    @property
    def available(self) -> bool:
        """Return whether the newest state is a payload, rather than unavailability."""
        if self.slot is None or self.slot is GONE:
            return not self.told
        return self.slot.available

    @property
    def unanswered(self) -> bool:
        """Return whether a subscribe is waiting that nothing was sent for."""
        return self.asked is not None and len(self.asked.waiting) > self.asked.answered

    def is_as_read(self, audience: str, version: int, etag: str, *, available: bool) -> bool:
        """Whether a read that shows this has nothing to tell: it is what the reader was told last,
        or is about to be."""
        if (self.state, self.audience, self.version) != (LIVE, audience, version):
            return False
        if not available or self.waiting or isinstance(self.slot, Digest):
            return False
        return self.available and self.newest is not None and self.newest.etag == etag

    def ask(self, waiting: Waiting) -> None:
        """Register a client's subscribe that waits for its answer."""
        assert self.asked is not None  # by id
        self.asked.waiting += (waiting,)
        self.socket.mailbox.question()

    def settle(self, questions: int) -> None:
        """Count this many subscribes, the oldest, as answered."""
        if self.asked is not None:
            self.asked.waiting = self.asked.waiting[questions:]
            self.asked.answered = max(self.asked.answered - questions, 0)
        self.socket.mailbox.answered(questions)

    def put(self, slot: Frame | Gone) -> None:
        """Make this the state to be sent next."""
        self.slot = slot
        if self.socket.windows or not self.single:
            self.socket.settle(self)
            if self.state is ENDED and slot is not GONE:  # nobody wants it
                return
        self.socket.mailbox.put(self)

    def follow(self, frame: Frame) -> None:
        """Make a newer frame of a live row the state to be sent next.

        Its windows hold it as before, unless it can be shown only now or no longer, or one filters.
        """
        settled = self.slot is None and not self.told and frame.seen.body is not None
        for window in self.socket.windows.values():
            settled = settled and not window.fields
        if not settled:
            self.put(frame)
        else:
            self.slot = frame
            self.socket.mailbox.put(self)

    def tell(self) -> None:
        """Tell the client of what happened besides a new state."""
        if self.moves and not isinstance(self.slot, Digest):  # else it will be read again
            self.socket.mailbox.put(self)

    def put_off(self) -> None:
        """Drop the body of the state to be sent next, keeping its digest."""
        if self.slot is not GONE and self.slot is not None and self.slot.available:
            self.slot = self.slot.digest

    def silence(self) -> None:
        """Send nothing more until a read says what may be sent; what is gone stays gone."""
        self.state = PENDING
        if self.slot is not GONE:
            self._empty()

    def begin_anew(self) -> None:
        """Wait for a read as if nothing had been read yet."""
        self.silence()
        self.version = self.overtaken_at = -1

    def let_go(self) -> None:
        """End what neither the client nor a window wants; the client is told what it left."""
        self.state = ENDED
        self._empty()
        self.socket.forget(self)

    def _empty(self) -> None:
        """Drop the state to be sent next, but not that it has left windows."""
        self.slot = None
        if self.entered - self.windows:
            self.socket.mailbox.put(self)
        else:
            self.socket.mailbox.drop(self)

    def end(self) -> None:
        """End the subscription, and tell the client once."""
        self.state = ENDED
        self.put(GONE)
        self.socket.forget(self)

    def cancel(self, why: str) -> None:
        """End the subscription without telling the client, who asked for it or has left."""
        self.state = ENDED
        if self.asked is not None:
            self.asked.ended = why
        self.slot = None
        self.settle(len(self.waiting))
        self.socket.mailbox.drop(self)

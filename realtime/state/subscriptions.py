"""A subscription: one object that one socket holds a live copy of. No I/O, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
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


class Gone(Enum):
    """Held by a slot instead of a frame when there is nothing to see any more."""

    GONE = "gone"


GONE: Final = Gone.GONE
NOWHERE: Final[frozenset[Window]] = frozenset()


class Opened(NamedTuple):
    """The ledger row that is open while a subscription has an audience."""

    access: int
    audience: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subscribe without an answer yet: the client's `ref` and the etag it holds."""

    ref: Reference | None
    etag: str | None


class Subscription:
    """One socket's subscription of one object: for its client, for windows, or for both.

    `pair` is who asks for what; `slot` is the one state to be sent next, or the digest of one for
    which there is no room yet; `sent` names the last payload handed to the socket, `told` says that
    it has been told since that the object cannot be shown, as have the first `answered` of those
    `waiting`; `version` is the newest that the fence let in, `audience` the one it is for;
    `overtaken_at` the version at which a read was last older; `showing` whether a row was written
    that it shows, and perhaps nobody has raised its version; `opened` its row of the ledger, and
    `ended` why it was cancelled.

    `single` says that the client asked for it by its id, `known` that it was answered since;
    `windows` are those that hold it and `entered` those of which the client was told that they do,
    `values` the newest payload's values by which they filter.
    """

    __slots__ = (
        "answered", "audience", "ended", "entered", "id", "key", "known", "opened", "overtaken_at",
        "pair", "sent", "showing", "single", "slot", "socket", "state", "told", "values", "version",
        "waiting", "windows",
    )  # fmt: skip

    def __init__(self, socket: Socket, key: ObjectKey, id: str) -> None:
        self.socket = socket
        self.key = key
        self.pair = (socket.user_id, key)
        self.id = id
        self.state = State.PENDING
        self.audience: str | None = None
        self.version = -1
        self.overtaken_at = -1
        self.showing = False
        self.opened: Opened | None = None
        self.ended = ""
        self.slot: Frame | Digest | Gone | None = None
        self.sent: Digest | None = None
        self.told = False
        self.waiting: list[Waiting] = []
        self.answered = 0
        self.single = True
        self.known = False
        self.windows = self.entered = NOWHERE
        self.values: Mapping[str, Any] = {}

    @property
    def user_id(self) -> int:
        """Return the id of the subscribing user."""
        return self.pair[0]

    @property
    def held(self) -> bool:
        """Return whether its client or a window wants it."""
        return self.single or bool(self.windows)

    @property
    def accounted(self) -> bool:
        """Return whether the ledger says by itself what it shows: of what is only in windows, it
        says by whom they are viewed."""
        return self.opened is not None or not self.single

    @property
    def moves(self) -> bool:
        """Return whether the client has to be told that it entered or left a window."""
        if self.windows is self.entered:  # nearly always, because nowhere
            return False
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
        return len(self.waiting) > self.answered

    def is_as_read(self, audience: str, version: int, etag: str, *, available: bool) -> bool:
        """Whether a read that shows this has nothing to tell: it is what the reader was told last,
        or is about to be."""
        if (self.state, self.audience, self.version) != (State.LIVE, audience, version):
            return False
        if not available or self.waiting or isinstance(self.slot, Digest):
            return False
        return self.available and self.newest is not None and self.newest.etag == etag

    def ask(self, waiting: Waiting) -> None:
        """Register a client's subscribe that waits for its answer."""
        self.waiting.append(waiting)
        self.socket.mailbox.question()

    def settle(self, questions: int) -> None:
        """Count this many subscribes, the oldest, as answered."""
        del self.waiting[:questions]
        self.answered = max(self.answered - questions, 0)
        self.socket.mailbox.answered(questions)

    def put(self, slot: Frame | Gone) -> None:
        """Make this the state to be sent next."""
        self.slot = slot
        if self.socket.windows or not self.single:
            self.socket.settle(self)
            if self.state is State.ENDED and slot is not GONE:  # nobody wants it
                return
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
        self.state = State.PENDING
        if self.slot is not GONE:
            self._empty()

    def begin_anew(self) -> None:
        """Wait for a read as if nothing had been read yet."""
        self.silence()
        self.version = self.overtaken_at = -1

    def let_go(self, why: str) -> None:
        """End what neither the client nor a window wants; the client is told what it left."""
        self.state = State.ENDED
        self.ended = why
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
        self.state = State.ENDED
        self.put(GONE)
        self.socket.forget(self)

    def cancel(self, why: str) -> None:
        """End the subscription without telling the client, who asked for it or has left."""
        self.state = State.ENDED
        self.ended = why
        self.slot = None
        self.settle(len(self.waiting))
        self.socket.mailbox.drop(self)

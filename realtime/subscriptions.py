"""A subscription: one object that one socket holds a live copy of. No I/O, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from permissions.rendering import Ref
    from realtime.frames import Frame
    from realtime.messages import Reference
    from realtime.sockets import Socket


class State(Enum):
    """Where a subscription stands."""

    PENDING = "pending"  # asked for, or between two audiences: nothing may be sent
    LIVE = "live"
    ENDED = "ended"


class Gone(Enum):
    """What a slot holds instead of a frame when there is nothing to see any more."""

    GONE = "gone"


GONE: Final = Gone.GONE


class Digest(NamedTuple):
    """What is kept of a state when its body is not: one for all who have that state."""

    version: int
    audience: str
    etag: str
    size: int


class Opened(NamedTuple):
    """The row of the ledger that says so while a subscription has an audience."""

    access: int
    audience: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subscribe that is not answered yet: the client's mark and the etag that it holds."""

    ref: Reference | None
    etag: str | None


class Subscription:
    """One socket's subscription of one object.

    `pair` is who asks for what; `slot` is the one state to be sent next, `sent` names the last one
    handed to the socket; `version` is the newest that the fence let in, `audience` the one it is
    for; `overtaken_at` the version at which a read was last older; `opened` its row of the ledger,
    and `ended` why it was cancelled.
    """

    __slots__ = (
        "audience", "ended", "id", "opened", "overtaken_at", "pair", "ref", "sent", "slot",
        "socket", "state", "version", "waiting",
    )  # fmt: skip

    def __init__(self, socket: Socket, ref: Ref, id: str) -> None:
        self.socket = socket
        self.ref = ref
        self.pair = (socket.user_id, ref)
        self.id = id
        self.state = State.PENDING
        self.audience: str | None = None
        self.version = -1
        self.overtaken_at = -1
        self.opened: Opened | None = None
        self.ended = ""
        self.slot: Frame | Gone | None = None
        self.sent: Digest | None = None
        self.waiting: list[Waiting] = []

    @property
    def user_id(self) -> int:
        """Who subscribes."""
        return self.pair[0]

    @property
    def newest(self) -> Digest | None:
        """The newest state that it has, sent or still to be sent."""
        return self.sent if self.slot is None or self.slot is GONE else self.slot.digest

    def put(self, slot: Frame | Gone) -> None:
        """Make this the state to be sent next."""
        self.slot = slot
        self.socket.mailbox.put(self)

    def silence(self) -> None:
        """Send nothing more until a read says what may be sent; what is gone stays gone."""
        self.state = State.PENDING
        if self.slot is not GONE:
            self.slot = None

    def end(self) -> None:
        """Nothing more will come, and the client is told once."""
        self.state = State.ENDED
        self.put(GONE)
        self.socket.forget(self)

    def cancel(self, why: str) -> None:
        """The client asked for the end, or is gone: nothing more will come, not even that."""
        self.state = State.ENDED
        self.ended = why
        self.slot = None
        self.waiting.clear()

"""What a round has to write into the ledger before it places what it read. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

from permissions.representation import ObjectKey
from realtime.state.codes import Close
from realtime.state.frames import Frame
from realtime.state.subscriptions import Opened, State, Subscription

# Why an access begins.
SUBSCRIBED: Final = "subscribed"
MOVED: Final = "audience changed"
# Why it ends, besides that the reader moved.
REVOKED: Final = "revoked"
DELETED: Final = "deleted"
UNSUBSCRIBED: Final = "unsubscribed"
LEFT: Final = "left the window"
DISCONNECTED: Final = "disconnected"
CREDENTIAL_ENDED: Final = "credential ended"
CLOSED: Final = "closed by an administrator"
PROCESS_LOST: Final = "process lost"
CLOSED_BY: Final[Mapping[Close | None, str]] = {
    Close.CREDENTIALS: CREDENTIAL_ENDED,
    Close.FORBIDDEN: REVOKED,
    Close.ENDED: CLOSED,
}
"""What is said of a socket's accesses when it is closed with one of these codes."""


class Entries:
    """Accesses that begin, with why; accesses that end, by why; versions pushed."""

    def __init__(self) -> None:
        self.begun: list[tuple[Subscription, Frame, str]] = []
        self.ended: defaultdict[str, list[Subscription]] = defaultdict(list)
        self.pushed: dict[tuple[ObjectKey, str, int], Frame] = {}

    def __bool__(self) -> bool:
        return bool(self.begun or self.ended or self.pushed)

    def enter(self, s: Subscription, frame: Frame | None, deleted: Collection[ObjectKey]) -> None:
        """What a round that read this for a subscription has to write; `deleted` names the objects
        that its rows say are gone."""
        if s.state is State.ENDED:
            return
        if frame is None:
            if s.opened is not None:
                lost = DELETED if s.key in deleted else REVOKED
                self.ended[CLOSED_BY.get(s.socket.mailbox.closing, lost)].append(s)
            return
        had = None if s.opened is None else s.opened.audience
        if had not in (None, frame.seen.audience):
            self.ended[MOVED].append(s)
        if frame.available:  # else nothing leaves
            self._enter_payload(s, frame, had)

    def _enter_payload(self, s: Subscription, frame: Frame, had: str | None) -> None:
        if had != frame.seen.audience:
            self.begun.append((s, frame, SUBSCRIBED if had is None else MOVED))
        mended = s.state is State.LIVE and not s.available  # perhaps without a new version
        if mended or -1 < s.version < frame.version:
            self.pushed[s.key, frame.seen.audience, frame.version] = frame

    def written(self, accesses: Iterable[int]) -> list[tuple[int, str]]:
        """Note that all is written, with the keys of the rows for `begun`, in its order.

        Returns those, with why, whose subscription ended meanwhile: they have an end already.
        """
        for s in chain.from_iterable(self.ended.values()):
            s.opened = None
        late: list[tuple[int, str]] = []
        for (s, frame, _), access in zip(self.begun, accesses, strict=True):
            if s.state is State.ENDED:
                late.append((access, s.ended))
            else:
                s.opened = Opened(access, frame.seen.audience)
        return late

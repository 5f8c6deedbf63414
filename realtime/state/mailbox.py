"""A socket's mailbox: the newest state of each object, the answers, and then a close. No I/O.

It holds at most one state per object: a slow client gets newer states, not more of them. What is
equal is decided when a message is taken, against what was sent before.

All that waits counts against one bound, what other sockets hold as well in full. A state for which
there is no room is put off: its digest is kept, and it is read again once the others are taken.
Questions and answers over the bound end the socket. The state that is first comes on top, so that
one of any size can be delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

from permissions.representation import ObjectKey
from realtime.state import telling
from realtime.state.codes import Close
from realtime.state.frames import Digest, Frame
from realtime.state.subscriptions import GONE, Gone, Subscription

ITEM_BYTES: Final = 64
"""What an answer costs beside its text, and what a state without a payload costs."""

QUESTION_BYTES: Final = 512
"""What a subscribe that waits costs: its mark and etag have at most 64 characters each."""


class Mailbox:
    """What one socket has still to be sent; `wake` is called whenever there is something.

    `held` are the bytes that wait, `bound` how many may, `under_way` tells how many more the sender
    and the server hold besides one frame; `send_now` sends a text if the server takes it at once,
    and tells whether it did; `again` has subscriptions read once more. `conflated` counts the
    states that a newer one took the place of; `delivered`, if there is one, is told of each text
    that shows a state.
    """

    __slots__ = (
        "_answers", "_put_off", "_ready", "_wake", "again", "bound", "closing", "conflated",
        "delivered", "held", "send_now", "under_way",
    )  # fmt: skip

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._answers: deque[str] = deque()
        self._ready: dict[Subscription, int] = {}
        self._put_off: dict[Subscription, int] = {}
        self.again: Callable[[Iterable[Subscription]], None] = _nobody
        self.under_way: Callable[[], int] = _nothing
        self.send_now: Callable[[str], bool] = _never
        self.delivered: Callable[[Subscription, Frame, str], None] | None = None
        self.bound: float = inf
        self.held = 0
        self.closing: Close | None = None
        self.conflated = 0

    def __len__(self) -> int:
        return len(self._answers) + len(self._ready)

    def answer(self, text: str) -> None:
        """Queue an answer to a frame; a client that asks and does not take answers is closed."""
        self._answers.append(text)
        self._hold(_size(text))
        self._wake()

    def question(self) -> None:
        """A subscribe waits for its answer; who asks and does not take answers is closed."""
        self._hold(QUESTION_BYTES)

    def answered(self, questions: int) -> None:
        """So many subscribes wait no longer."""
        self.held -= questions * QUESTION_BYTES

    def put(self, subscription: Subscription) -> None:
        """Send what a subscription's slot has, or queue it; queueing it again changes nothing."""
        if self._passes_by(subscription):
            return
        before = self._ready.get(subscription)
        if self.closing is not None and before is None:
            subscription.put_off()
            return
        weight = _weight(subscription)
        size = weight or ITEM_BYTES
        if before is not None:
            self.conflated += 1
            self.held -= before
        elif self._put_off:
            self._put_off.pop(subscription, None)
        others = len(self._ready) > (before is not None)
        if weight and self.held + size > self.bound and others:
            self._put_off_state(subscription, size)
            return
        self._ready[subscription] = size
        self.held += size
        self._wake()

    def _passes_by(self, subscription: Subscription) -> bool:
        """Send an update without queueing it, where nothing waits that has to go out before it.

        This is what happens nearly always, and it touches as little as it can.
        """
        slot, sent, asked = subscription.slot, subscription.sent, subscription.asked
        if sent is None or not isinstance(slot, Frame) or subscription.told:
            return False
        if asked is not None and asked.waiting:
            return False
        seen = slot.seen
        if seen.body is None or seen.audience != sent.audience:
            return False
        if subscription.windows != subscription.entered:  # it moves, as it can be shown
            return False
        if seen.etag != sent.etag:
            return self.send_at_once(subscription, slot, slot.update_text(subscription.id))
        if self._ready or self._answers or self._put_off or self.closing is not None:
            return False
        subscription.slot, subscription.sent = None, slot.digest
        return True

    def send_at_once(self, subscription: Subscription, frame: Frame, text: str) -> bool:
        """Send a text that shows this, where nothing waits that has to go out before it and the
        server takes it; return whether that is so."""
        if self._ready or self._answers or self._put_off or self.closing is not None:
            return False
        if not self.send_now(text):
            return False
        subscription.slot, subscription.sent = None, frame.digest
        if self.delivered is not None:
            self.delivered(subscription, frame, text)
        return True

    def drop(self, subscription: Subscription) -> None:
        """Nothing of this subscription is to be sent now."""
        self.held -= self._ready.pop(subscription, 0)
        self._put_off.pop(subscription, None)
        self._refill()

    def finish(self, code: Close) -> None:
        """After all that waits now send nothing more but this close code; the first counts."""
        if self.closing is None:
            self.closing = code
            self._wake()

    def forget(self, key: ObjectKey) -> None:
        """Do not tell of the end of a subscription that its client has ended."""
        for s in [s for s in self._ready if s.key == key and s.slot is GONE]:
            if s.entered:  # its windows are told
                s.settle(len(s.waiting))
                s.single = False
            else:
                s.cancel("")

    def close(self, code: Close) -> None:
        """After the answers that wait send nothing more but this close code; the first counts."""
        if self.closing is None:
            self.closing = code
        for subscription, size in self._ready.items():
            subscription.put_off()
            self.held -= size
        self._ready.clear()
        self._put_off.clear()
        self._wake()

    def take(self) -> list[str]:
        """The texts of the next answer or subscription, which from now on count as sent.

        Empty when the state equals what was sent before.
        """
        if self._answers:
            text = self._answers.popleft()
            self.held -= _size(text)
            texts = [text]
        else:
            texts = self._take_state()
        self._refill()
        return texts

    def _take_state(self) -> list[str]:
        subscription = next(iter(self._ready))
        self.held -= self._ready.pop(subscription)
        slot, subscription.slot = subscription.slot, None
        assert not isinstance(slot, Digest)
        if slot is None or isinstance(slot, Gone):
            return telling.gone(subscription, slot)
        texts = telling.state(subscription, slot)
        if self.delivered is not None and slot.available:
            for text in filter(telling.shows, texts):
                self.delivered(subscription, slot, text)
        waiting = subscription.waiting if slot.available else subscription.unanswered
        if waiting or subscription.moves:  # one answer at a time: each may be large
            subscription.put(slot)
        return texts

    def _hold(self, size: int) -> None:
        """Count something that must be kept; where there is no room, it is the end."""
        self.held += size
        room = self.bound - self.under_way()
        if self.held > room:
            self._make_room(room)
        if self.held - next(iter(self._ready.values()), 0) <= room:
            return
        self.held -= sum(map(_size, self._answers))
        self._answers.clear()  # who does not take them need not be sent them before the code
        self.close(Close.TOO_SLOW)

    def _make_room(self, room: float) -> None:
        """Put off the states that came last, but for the first one."""
        for subscription in list(self._ready)[:0:-1]:
            if self.held <= room:
                break
            if _weight(subscription):
                size = self._ready[subscription]
                self.held -= size
                self._put_off_state(subscription, size)

    def _put_off_state(self, subscription: Subscription, size: int) -> None:
        """Keep the digest of a state for which there is no room, until there is."""
        self._ready.pop(subscription, None)
        subscription.put_off()
        self._put_off[subscription] = size

    def _refill(self) -> None:
        """Once nothing waits, have those read that were put off, as many as there is room for."""
        if not self._put_off or self:
            return
        asked: list[Subscription] = []
        size = 0
        for subscription, more in self._put_off.items():
            size += more
            if asked and size > self.bound:
                break
            asked.append(subscription)
        for subscription in asked:
            del self._put_off[subscription]
        self.again(asked)


def _nobody(subscriptions: Iterable[Subscription]) -> None:
    """Who is in no hub has no subscriptions."""


def _nothing() -> int:
    return 0


def _never(text: str) -> bool:
    """Before there is a server nothing is sent."""
    return False


def _weight(subscription: Subscription) -> int:
    """The bytes of the payload that waits; 0 where what waits has none."""
    slot = subscription.slot
    return 0 if slot is None or isinstance(slot, Gone) else slot.size


def _size(text: str) -> int:
    return ITEM_BYTES + (len(text) if text.isascii() else len(text.encode()))

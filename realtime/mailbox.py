"""A socket's mailbox: the newest state of each object, the answers, and then a close. No I/O.

It holds at most one state per object: a slow client gets newer states, not more of them. What is
equal is decided when a message is taken, against what was sent before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from realtime import messages
from realtime.codes import Close, Error
from realtime.subscriptions import GONE, Subscription

if TYPE_CHECKING:
    from permissions.rendering import Ref
    from realtime.frames import Frame


MAX_WAITING: Final = 2**20
"""Characters of answers that may wait in one mailbox."""


class Mailbox:
    """What one socket has still to be sent; `wake` is called whenever there is something.

    `conflated` counts the states that a newer one took the place of.
    """

    __slots__ = ("_answers", "_ready", "_waiting_size", "_wake", "closing", "conflated")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._answers: deque[str] = deque()
        self._waiting_size = 0
        self._ready: dict[Subscription, None] = {}
        self.closing: Close | None = None
        self.conflated = 0

    def __len__(self) -> int:
        return len(self._answers) + len(self._ready)

    def answer(self, text: str) -> None:
        """Queue an answer to a frame; a client that asks and does not take answers is closed."""
        self._waiting_size += len(text)
        if self._waiting_size > MAX_WAITING:
            self.close(Close.TOO_MANY)
        else:
            self._answers.append(text)
            self._wake()

    def put(self, subscription: Subscription) -> None:
        """Queue a subscription whose slot has something; queueing it again changes nothing."""
        if self.closing is None:
            self.conflated += subscription in self._ready
            self._ready[subscription] = None
            self._wake()

    def finish(self, code: Close) -> None:
        """After all that waits now send nothing more but this close code; the first counts."""
        if self.closing is None:
            self.closing = code
            self._wake()

    def forget(self, ref: Ref) -> None:
        """Do not tell of the end of a subscription that its client has ended himself."""
        for s in [s for s in self._ready if s.ref == ref and s.slot is GONE]:
            s.cancel(s.ended)
            del self._ready[s]

    def close(self, code: Close) -> None:
        """After the answers that wait send nothing more but this close code; the first counts."""
        if self.closing is None:
            self.closing = code
        self._ready.clear()
        self._wake()

    def take(self) -> list[str]:
        """The texts of the next answer or subscription, which from now on count as sent.

        Empty when the slot was emptied meanwhile, or equals what was sent before.
        """
        if self._answers:
            text = self._answers.popleft()
            self._waiting_size -= len(text)
            return [text]
        subscription = next(iter(self._ready))
        del self._ready[subscription]
        slot, subscription.slot = subscription.slot, None
        if slot is None:
            return []
        if slot is GONE:
            return _gone(subscription)
        texts = _state(subscription, slot) if slot.available else _unavailable(subscription)
        waiting = subscription.waiting if slot.available else subscription.unanswered
        if waiting:  # one answer at a time: each may be large
            subscription.put(slot)
        return texts


def _gone(subscription: Subscription) -> list[str]:
    model, id = subscription.ref.model, subscription.id
    texts = [
        messages.error(Error.NOT_FOUND, waiting.ref, model=model, id=id)
        for waiting in subscription.waiting
    ]
    subscription.waiting.clear()
    subscription.answered = 0
    if subscription.sent is not None:
        subscription.sent = None
        texts.append(messages.deleted(model, id))
    return texts


def _state(subscription: Subscription, frame: Frame) -> list[str]:
    before, subscription.sent = subscription.sent, frame.digest
    told, subscription.told = subscription.told, False
    seen = frame.seen
    assert seen.body is not None
    model, id = subscription.ref.model, subscription.id
    if subscription.waiting:
        waiting = subscription.waiting.pop(0)
        subscription.answered = max(subscription.answered - 1, 0)
        body = None if waiting.etag == seen.etag else seen.body
        return [messages.subscribed(model, id, seen.audience, seen.etag, body, waiting.ref)]
    if before is None or before.audience != seen.audience:
        return [messages.audience_changed(model, id, seen.audience, seen.etag, seen.body)]
    if told or before.etag != seen.etag:
        return [frame.update_text]
    return []


def _unavailable(subscription: Subscription) -> list[str]:
    """Said once, and to each subscribe once, which is answered when the object can be shown."""
    told, subscription.told = subscription.told, True
    ref = messages.NO_REF
    if subscription.unanswered:
        ref = subscription.waiting[subscription.answered].ref
        subscription.answered += 1
    elif told:
        return []
    return [
        messages.error(Error.UNAVAILABLE, ref, model=subscription.ref.model, id=subscription.id)
    ]

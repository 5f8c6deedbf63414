"""The fence: the one rule that decides whether a frame may be written to a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.subscriptions import State, Subscription

if TYPE_CHECKING:
    from realtime.frames import Frame


def passes(subscription: Subscription, frame: Frame, applied: int) -> bool:
    """Whether the frame is for exactly this object and audience, newer than what the subscription
    has, and of an access revision that this process has applied for the tenant."""
    seen = frame.seen
    return (
        subscription.state is State.LIVE
        and seen.ref == subscription.ref
        and seen.audience == subscription.audience
        and seen.revision <= applied
        and seen.version > subscription.version
    )


def offer(subscription: Subscription, frame: Frame, applied: int) -> bool:
    """Write the frame to the subscription's slot if the fence lets it; whether it did.

    Nothing may be awaited between asking the fence and writing, so this is the only way in.
    """
    if not passes(subscription, frame, applied):
        return False
    subscription.version = frame.version
    subscription.put(frame)
    return True

"""The fence: the one rule that decides whether a frame may be written to a subscription."""

from __future__ import annotations

from realtime.state import settling
from realtime.state.frames import Frame
from realtime.state.subscriptions import LIVE, UNAVAILABLE, State, Subscription


def passes(subscription: Subscription, frame: Frame, applied: int) -> bool:
    """Whether the frame is for exactly this object and audience, newer than what the subscription
    has, and of an access revision that this process has applied for the tenant."""
    seen, state = frame.seen, subscription.state
    return (
        # A reader who was never shown the object needs a round, which writes the ledger.
        (state is LIVE or (state is UNAVAILABLE and seen.body is None))
        and seen.version > subscription.version
        and seen.audience == subscription.audience
        and seen.key == subscription.key
        and seen.revision <= applied
    )


def offer(subscription: Subscription, frame: Frame, applied: int) -> bool:
    """Write the frame to the subscription's slot if the fence lets it; whether it did.

    Nothing may be awaited between asking the fence and writing: this and `take` are the ways in.
    """
    if not passes(subscription, frame, applied):
        return False
    subscription.version = frame.seen.version
    subscription.follow(frame)
    return True


def take(
    subscription: Subscription, state: State, read: Frame, kept: Frame | None, applied: int
) -> None:
    """Write a read to the subscription's slot; or what was kept while it was made, if the fence
    lets it, in the same step: else a window could be entered with what is older than the leaving.
    """
    subscription.state, subscription.version = state, read.seen.version
    newest = read
    if kept is not None and passes(subscription, kept, applied):
        newest, subscription.version = kept, kept.seen.version
    # Only a row that its client did not ask for by id.
    if subscription.asked is not None or not settling.enter_at_once(subscription, newest):
        subscription.put(newest)

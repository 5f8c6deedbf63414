"""What becomes of a subscription that a round has read: decided here, carried out by rounds."""

from __future__ import annotations

from enum import Enum
from typing import Final

from realtime.state.frames import Digest, Frame
from realtime.state.subscriptions import ENDED, LIVE, UNAVAILABLE, Subscription


class Decision(Enum):
    """What to do with one read of one subscription."""

    END = "end"  # there is nothing to see any more
    MOVE = "move"  # enter the audience's group; a read that begins after the join will count
    TAKE = "take"  # the read is the newest state: send it
    TAKE_UNAVAILABLE = "take unavailable"  # the same, of what was never shown and cannot be
    SEND_AGAIN = "send again"  # the client has this version, and is to hear of it once more
    KEEP = "keep"  # there is nothing to tell
    READ_AGAIN = "read again"  # a frame overtook the read
    REPAIR = "repair"  # the payload moved without a new version: nothing captured the write


TAKE: Final = Decision.TAKE  # see `subscriptions`


def has_left(subscription: Subscription, read: Frame | None) -> bool:
    """Whether the reader is no longer in the audience in which they may be sent something."""
    if subscription.state not in (LIVE, UNAVAILABLE):
        return False
    return read is None or read.seen.audience != subscription.audience


def decide(subscription: Subscription, read: Frame | None, *, joined: bool) -> Decision:
    """Decide what a read (None: the user sees nothing) means for a subscription.

    `joined` is whether this process was in the group of the read's audience before the read began:
    otherwise a frame published between the read and the join would reach nobody.
    """
    s = subscription
    if s.state is ENDED:
        return Decision.KEEP
    if read is None:
        return Decision.END
    if read.version < s.version:
        # Read again and still older: the version was lowered in the database.
        return Decision.REPAIR if s.overtaken_at == s.version else Decision.READ_AGAIN
    if s.state is not LIVE and not joined:
        return Decision.MOVE
    if not read.available and not s.accounted:
        return Decision.TAKE_UNAVAILABLE
    if s.state is LIVE and read.version == s.version:
        return _confirm(s, read)
    return TAKE


def _confirm(s: Subscription, read: Frame) -> Decision:
    """The read is of the version that the subscription has, and must show the same."""
    if not read.available:
        return Decision.SEND_AGAIN if s.available or s.unanswered else Decision.KEEP
    if not s.available and not _was_shown_otherwise(s, read):
        return Decision.SEND_AGAIN  # rendering failed before; of the row there is nothing to repair
    if s.newest is None or s.newest.etag != read.seen.etag:
        return Decision.REPAIR
    if s.waiting or isinstance(s.slot, Digest) or (s.slot is None and s.moves):
        return Decision.SEND_AGAIN
    return Decision.KEEP


def _was_shown_otherwise(s: Subscription, read: Frame) -> bool:
    """Whether the client was sent something else as this version."""
    sent = s.sent
    return sent is not None and sent.version == read.version and sent.etag != read.seen.etag

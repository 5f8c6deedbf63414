"""The code's own decision, asked about the model's states."""

from __future__ import annotations

from functools import cache

from realtime.state import deciding, subscriptions
from realtime.state.deciding import Decision
from realtime.state.frames import Digest, Frame
from realtime.state.subscriptions import Opened, Subscription, Waiting
from tests.model.states import GONE, NOBODY, Payload, Row, State
from tests.realtime.pieces import frame, subscription

STANDINGS = {
    "none": subscriptions.State.ENDED,
    "pending": subscriptions.State.PENDING,
    "live": subscriptions.State.LIVE,
    "ended": subscriptions.State.ENDED,
}


def decide(s: State, read: Row, joined: bool) -> Decision:
    """What the code decides of this read."""
    slot: tuple[int, Payload] | str | None = GONE
    if isinstance(s.slot, tuple):
        row = s.history[s.slot[1]]
        slot = (row.version, row.payload(s.slot[0]))
    elif s.slot is None:
        slot = None
    return _decide(
        (s.standing, s.audience, s.version, s.overtaken_at),
        slot,
        s.sent,
        s.unanswered,
        read,
        joined,
    )


@cache
def _decide(
    placed: tuple[str, str | None, int, int],
    slot: tuple[int, Payload] | str | None,
    sent: Payload | str | None,
    unanswered: bool,
    read: Row,
    joined: bool,
) -> Decision:
    standing, audience, version, overtaken_at = placed
    s: Subscription = subscription(audience=audience)
    s.state, s.version, s.overtaken_at = STANDINGS[standing], version, overtaken_at
    if unanswered:
        s.ask(Waiting(None, None))
    if isinstance(sent, tuple):
        s.sent = Digest(version, sent[0], _etag(sent), 2)
        s.opened = Opened(1, sent[0])
    if slot is not None:
        s.slot = subscriptions.GONE if slot == GONE else _frame(slot[0], slot[1])  # type: ignore[arg-type]
    seen = None if read.audience == NOBODY else _frame(read.version, read.payload(read.audience))
    return deciding.decide(s, seen, joined=joined)


def _frame(version: int, payload: Payload) -> Frame:
    return frame(version, "{}", audience=payload[0], etag=_etag(payload))


def _etag(payload: Payload) -> str:
    return ":".join(map(str, payload))

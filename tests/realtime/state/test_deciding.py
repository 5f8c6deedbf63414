"""What becomes of a subscription that a round has read."""

import pytest

from realtime.state.deciding import Decision, decide, has_left
from realtime.state.fence import offer, take
from realtime.state.frames import Frame
from realtime.state.subscriptions import GONE, Opened, State, Subscription, Waiting
from tests.realtime.pieces import frame, socket, subscription


def live(version: int = 2, body: str | None = '"A"') -> Subscription:
    """It was sent this version."""
    s = subscription()
    s.opened = Opened(1, "viewer")
    take(s, State.LIVE, frame(version, body), None, 0)
    s.socket.mailbox.take()
    return s


def pending(audience: str | None = None) -> Subscription:
    s = subscription(audience=audience)
    s.state = State.PENDING
    return s


def unavailable(version: int = 2) -> Subscription:
    """In its audience, which was never shown the object."""
    s = subscription()
    take(s, State.UNAVAILABLE, frame(version, None), None, 0)
    s.socket.mailbox.take()
    return s


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize(
    ("s", "read", "decision"),
    [
        (live(), None, Decision.END),
        (pending(), None, Decision.END),
        (live(), frame(3, '"B"'), Decision.TAKE),
        (live(), frame(3, '"A"'), Decision.TAKE),
        (live(), frame(3, None), Decision.TAKE),
        (live(), frame(2, '"A"'), Decision.KEEP),
        (live(), frame(2, '"B"'), Decision.REPAIR),
        (live(), frame(1, '"A"'), Decision.READ_AGAIN),
        (live(body=None), frame(2, None), Decision.KEEP),
        (live(), frame(2, None), Decision.SEND_AGAIN),
        (live(body=None), frame(2, '"A"'), Decision.SEND_AGAIN),
    ],
)
def test_live_subscription_needs_no_join(
    s: Subscription, read: Frame | None, decision: Decision, joined: bool
) -> None:
    assert decide(s, read, joined=joined) is decision


@pytest.mark.parametrize(
    ("s", "read", "joined", "decision"),
    [
        (pending(), frame(2, '"A"'), True, Decision.TAKE),
        (pending(), frame(2, '"A"'), False, Decision.MOVE),
        (pending(), frame(2, None), True, Decision.TAKE_UNAVAILABLE),
        (pending(), frame(2, None), False, Decision.MOVE),
        (unavailable(), frame(2, '"A"'), True, Decision.TAKE),
        (unavailable(), frame(3, None), True, Decision.TAKE_UNAVAILABLE),
        (unavailable(), frame(3, None), False, Decision.MOVE),
    ],
)
def test_others_take_only_what_was_read_after_the_join(
    s: Subscription, read: Frame, joined: bool, decision: Decision
) -> None:
    assert decide(s, read, joined=joined) is decision


def test_ended_subscription_is_left_alone() -> None:
    s = live()
    s.cancel("unsubscribed")
    assert decide(s, None, joined=True) is Decision.KEEP
    assert decide(s, frame(9, '"B"'), joined=True) is Decision.KEEP


def test_read_that_stays_older_than_the_version_is_repaired() -> None:
    s = live()
    s.overtaken_at = s.version
    assert decide(s, frame(1, '"A"'), joined=True) is Decision.REPAIR


def test_client_that_asks_again_hears_of_the_same_version_again() -> None:
    s = live()
    s.ask(Waiting("again", None))
    assert decide(s, frame(2, '"A"'), joined=True) is Decision.SEND_AGAIN


def test_client_that_asks_again_is_told_again_that_it_cannot_be_shown() -> None:
    s = live(body=None)
    assert decide(s, frame(2, None), joined=True) is Decision.KEEP
    s.ask(Waiting("again", None))
    assert decide(s, frame(2, None), joined=True) is Decision.SEND_AGAIN


def test_state_that_was_put_off_is_sent_from_the_next_read() -> None:
    s = live()
    assert offer(s, frame(3, '"B"'), 0)
    s.put_off()
    assert decide(s, frame(3, '"B"'), joined=True) is Decision.SEND_AGAIN


def test_payload_that_moved_while_it_could_not_be_rendered_is_repaired() -> None:
    """What the client was sent as this version is not what is read now."""
    s = live()
    s.put(frame(2, None))
    s.socket.mailbox.take()
    assert decide(s, frame(2, '"B"'), joined=True) is Decision.REPAIR
    assert decide(s, frame(2, '"A"'), joined=True) is Decision.SEND_AGAIN


def test_live_subscription_that_has_nothing_yet_is_repaired() -> None:
    s = subscription(socket())
    s.version = 2
    assert decide(s, frame(2, '"A"'), joined=True) is Decision.REPAIR


@pytest.mark.parametrize(
    ("s", "read", "left"),
    [
        (live(), None, True),
        (live(), frame(2, audience="editor"), True),
        (live(), frame(2), False),
        (unavailable(), None, True),
        (pending("viewer"), None, False),
        (pending("viewer"), frame(2, audience="editor"), False),
    ],
)
def test_reader_has_left_an_audience_only_if_they_were_placed_in_it(
    s: Subscription, read: Frame | None, left: bool
) -> None:
    assert has_left(s, read) is left


def test_what_ends_is_gone() -> None:
    s = live()
    s.end()
    assert s.slot is GONE
    assert not has_left(s, None)

"""A subscription's states; what is sent of them is in `test_mailbox`."""

from realtime.subscriptions import GONE, State, Subscription
from tests.realtime.pieces import frame, socket, subscription, waiting


def test_new_subscription_is_pending_and_has_nothing() -> None:
    of = socket(user_id=7)
    s = Subscription(of, subscription().ref, "id")
    assert s.state is State.PENDING
    assert (s.audience, s.slot, s.sent, s.waiting) == (None, None, None, [])
    assert s.version < 0
    assert s.user_id == 7


def test_put_replaces_state_that_waits() -> None:
    s = subscription()
    s.put(frame(1))
    s.put(newer := frame(2))
    assert s.slot is newer
    assert len(s.socket.mailbox) == 1


def test_silenced_subscription_waits_and_holds_nothing() -> None:
    s = subscription()
    s.put(frame(1))
    s.silence()
    assert s.state is State.PENDING
    assert s.slot is None


def test_silence_keeps_what_is_gone() -> None:
    s = subscription()
    s.put(GONE)
    s.silence()
    assert s.slot is GONE


def test_end_is_told_and_frees_its_place() -> None:
    s = subscription()
    s.end()
    assert s.state is State.ENDED
    assert s.slot is GONE
    assert len(s.socket.mailbox) == 1
    assert not s.socket.subscriptions


def test_cancelled_subscription_tells_nothing() -> None:
    s = subscription()
    s.ask(waiting("ref"))
    s.put(frame(1))
    s.cancel("unsubscribed")
    assert s.state is State.ENDED
    assert s.slot is None
    assert not s.waiting
    assert (len(s.socket.mailbox), s.socket.mailbox.held) == (0, 0)


def test_only_a_payload_has_a_body_to_put_off() -> None:
    s = subscription()
    for slot in (GONE, frame(1, None)):
        s.slot = slot
        s.put_off()
        assert s.slot is slot
    s.slot = frame(2)
    s.put_off()
    assert s.slot == frame(2).digest

"""A subscription's states; what is sent of them is in `test_mailbox`."""

import pytest

from realtime.state import fence
from realtime.state.frames import Frame
from realtime.state.subscriptions import GONE, Opened, State, Subscription
from tests.realtime.pieces import frame, socket, subscription, waiting


def test_new_subscription_is_pending_and_has_nothing() -> None:
    of = socket(user_id=7)
    s = Subscription(of, subscription().key, "id")
    assert s.state is State.PENDING
    assert (s.audience, s.slot, s.sent, s.waiting) == (None, None, None, ())
    assert s.version < 0
    assert s.user_id == 7


def placed() -> Subscription:
    s = subscription()
    fence.take(s, State.LIVE, frame(3), None, 0)
    return s


def read_shows(s: Subscription, read: Frame) -> bool:
    seen = read.seen
    return s.is_as_read(seen.audience, seen.version, seen.etag, available=read.available)


def test_read_of_what_was_shown_has_nothing_to_tell() -> None:
    s = placed()
    assert read_shows(s, frame(3))
    s.sent, s.slot = frame(3).digest, None
    assert read_shows(s, frame(3))


@pytest.mark.parametrize(
    "read",
    [
        frame(2),
        frame(4),
        frame(3, '{"other": 1}'),
        frame(3, audience="editor", etag="viewer:{}"),
        frame(3, None),
        frame(3, None, etag="viewer:{}"),
    ],
)
def test_read_of_anything_else_has(read: Frame) -> None:
    assert not read_shows(placed(), read)


def test_read_has_something_to_tell_to_whom_an_answer_is_owed() -> None:
    s = placed()
    s.ask(waiting())
    assert not read_shows(s, frame(3))
    for state in (State.PENDING, State.UNAVAILABLE, State.ENDED):
        s = placed()
        s.state = state
        assert not read_shows(s, frame(3))
    s = placed()
    s.put_off()  # of which only the digest was kept
    assert not read_shows(s, frame(3))
    s = placed()
    s.put(frame(3, None))  # it was told that it cannot be shown
    assert not read_shows(s, frame(3))
    assert not read_shows(s, frame(3, None))


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


def test_row_that_is_only_for_windows_has_no_row_of_the_ledger_and_no_answers() -> None:
    s = subscription()
    s.ask(waiting("ref"))
    s.single = True  # as it is
    assert [each.ref for each in s.waiting] == ["ref"]
    s.settle(1)
    s.single = False
    s.opened = Opened(1, "viewer")
    assert (s.opened, s.waiting, s.accounted) == (None, (), True)

"""A socket's own record."""

import pytest

from realtime.state.codes import Close
from realtime.state.sockets import KEPT_CHARACTERS, _encoded_size
from tests.realtime.pieces import socket, subscription


def test_socket_says_who_it_is_and_what_must_stay_valid() -> None:
    s = socket(user_id=7, tenant_id=3)
    assert (s.user_id, s.tenant_id) == (7, 3)
    assert s.held == (7, 3, s.identity.credential)


def test_sockets_of_one_user_are_different() -> None:
    assert socket() != socket()
    assert len({socket(), socket()}) == 2


def test_socket_forgets_a_subscription() -> None:
    s = subscription()
    s.socket.forget(s)
    assert not s.socket.subscriptions
    s.socket.forget(s)


def test_socket_keeps_newer_subscription_when_older_one_is_forgotten() -> None:
    older = subscription()
    newer = subscription(older.socket)
    older.socket.forget(older)
    assert older.socket.subscriptions == {newer.key: newer}


def test_socket_that_sends_nothing_is_not_stalled() -> None:
    assert not socket().stalled(now=1e9, seconds=10)


def test_socket_is_stalled_when_nothing_was_taken_for_too_long() -> None:
    s = socket()
    s.buffered = lambda: 1000
    s.sending_since = 100.0
    assert not s.stalled(now=110.0, seconds=10)
    assert s.stalled(now=110.1, seconds=10)


def test_socket_to_which_nothing_was_sent_is_not_measured_again() -> None:
    s = socket()
    waiting = 100
    asked: list[int] = []

    def buffered() -> int:
        asked.append(waiting)
        return waiting

    s.buffered = buffered
    assert (s.measure(), asked) == (0, [])
    s.sent("text")
    assert (s.measure(), len(asked)) == (100, 1)
    s.frames, waiting = 0, 40  # it was counted, and the client took some
    assert (s.measure(), len(asked)) == (40, 2)
    waiting = 0
    assert [s.measure() for _ in range(3)] == [0, 0, 0]
    assert len(asked) == 3


def test_what_waits_in_the_mailbox_is_measured_though_nothing_was_sent() -> None:
    s = socket()
    s.mailbox.answer("text")
    assert s.measure() == s.kept > 0


def test_slow_reader_that_goes_on_reading_is_not_stalled() -> None:
    s = socket()
    left = iter([900, 800, 800, 800])
    s.buffered = lambda: next(left)
    s.sending_since = 100.0
    assert not s.stalled(now=109.0, seconds=10)
    assert not s.stalled(now=118.0, seconds=10)
    assert not s.stalled(now=127.0, seconds=10)
    assert s.stalled(now=129.0, seconds=10)


@pytest.mark.parametrize("size", [10, KEPT_CHARACTERS, KEPT_CHARACTERS + 1])
def test_texts_are_measured_in_bytes_and_long_ones_are_not_kept(size: int) -> None:
    _encoded_size.cache_clear()
    s = socket()
    s.sent("é" * size)
    assert s.bytes == 2 * size
    assert _encoded_size.cache_info().currsize == (size <= KEPT_CHARACTERS)


def test_socket_that_is_being_closed_is_not_spared_for_its_progress() -> None:
    s = socket()
    left = iter((3000, 2000, 1000))
    s.buffered = lambda: next(left)
    s.sending_since = 100.0
    assert not s.stalled(now=105.0, seconds=10)
    assert not s.stalled(now=111.0, seconds=10)
    s.mailbox.close(Close.CREDENTIALS)
    assert s.stalled(now=121.1, seconds=10)

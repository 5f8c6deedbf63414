"""A socket's own record."""

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
    assert older.socket.subscriptions == {newer.ref: newer}

"""How many sockets there are, of whom, and which would be one too many."""

from __future__ import annotations

from realtime.state.connections import Connections
from realtime.state.sockets import Socket
from tests.realtime.pieces import socket


def filled(*sockets: Socket) -> Connections:
    attendance = Connections()
    for one in sockets:
        attendance.add(one)
    return attendance


def test_those_who_are_there_are_found_by_tenant_and_by_user() -> None:
    one, two, other = socket(1), socket(2), socket(1, tenant_id=2)
    attendance = filled(one, two, other)
    assert set(attendance) == {one, two, other}
    assert len(attendance) == 3
    assert two in attendance
    assert socket(2) not in attendance
    assert attendance.of_tenant == {1: {one, two}, 2: {other}}


def test_last_one_of_a_tenant_leaves_nothing() -> None:
    one, two = socket(1), socket(1)
    attendance = filled(one, two)
    assert not attendance.remove(one)
    assert attendance.remove(two)
    assert not attendance
    assert attendance.unchecked == set()


def test_user_has_no_more_sockets_than_allowed_wherever_they_are() -> None:
    own = {"sockets_per_user": 2}
    attendance = filled(socket(1, limits=own))
    assert attendance.exceeded(socket(1, limits=own)) is None
    assert attendance.exceeded(socket(1, limits=own), elsewhere=1) == "sockets_per_user"
    assert attendance.exceeded(socket(2, limits=own), elsewhere=1) is None


def test_user_who_went_may_come_again_and_is_not_remembered() -> None:
    own = {"sockets_per_user": 2}
    one, two, other = socket(1, limits=own), socket(1, limits=own), socket(2)
    attendance = filled(one, two, other)
    assert attendance.exceeded(socket(1, limits=own)) == "sockets_per_user"
    attendance.remove(one)
    assert attendance.exceeded(socket(1, limits=own)) is None
    attendance.remove(two)
    assert attendance._of_user == {2: 1}


def test_tenant_has_no_more_sockets_than_it_may_wherever_they_are() -> None:
    own = {"sockets_per_tenant": 2}
    attendance = filled(socket(1, limits=own))
    assert attendance.exceeded(socket(2, limits=own)) is None
    attendance.learn([1, 2], {1: 1})
    assert attendance.exceeded(socket(2, limits=own)) == "sockets_per_tenant"
    assert attendance.exceeded(socket(2, tenant_id=2, limits=own)) is None


def test_other_processes_are_asked_about_tenants_that_somebody_came_to_since() -> None:
    own = {"sockets_per_tenant": 1}
    attendance = filled()
    attendance.learn([1], {1: 1})
    assert attendance.exceeded(socket(1, limits=own)) == "sockets_per_tenant"
    assert attendance.exceeded(socket(1, tenant_id=2, limits=own)) is None
    assert attendance.asked == {1, 2}  # who was refused too: else that would stay so
    attendance.learn([1, 2], {})
    assert attendance.asked == set()
    assert attendance.exceeded(socket(1, limits=own)) is None

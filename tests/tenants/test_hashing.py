"""The lanes in which passwords are hashed, on threads that the test holds where it wants them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections, transaction
from pytest_django import Settings

from tenants import hashing
from tenants.hashing import Busy, Lane
from tenants.models import User
from tests.tenants.held import announcing

# A connection that another test has left in this thread is given back, which asks it something.
pytestmark = pytest.mark.django_db


class Held(Lane):
    """A lane that says who waits, and whose thread the test can hold."""

    def reset(self) -> None:
        super().reset()
        self.waits = announcing(self).waits


@pytest.fixture
def lane() -> Lane:
    return Held("test")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@contextmanager
def held(lane: Lane, pool: ThreadPoolExecutor) -> Iterator[None]:
    """The lane's thread is busy with something that takes as long as the block."""
    begun, over = Event(), Event()

    def busy() -> None:
        begun.set()
        assert over.wait(30)

    job = pool.submit(lane.compute, busy, seconds=30)
    assert begun.wait(30)
    yield
    over.set()
    job.result(30)


def enter(lane: Lane, address: str, user: str | None = None, log: list[str] | None = None) -> None:
    with lane.place(address, user):
        if log is not None:
            log.append(address)


def at_most(settings: Settings, **limits: float) -> None:
    settings.EARSHOT = settings.EARSHOT | {f"hashing_{k}": v for k, v in limits.items()}


def test_lane_computes_on_a_thread_of_its_own_at_the_lowest_priority(lane: Lane) -> None:
    def who() -> tuple[str, int]:
        number = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return threading.current_thread().name, number

    before = who()
    name, priority = lane.compute(who)
    assert (name.startswith("earshot-hash-test"), priority) == (True, 19)
    assert who() == before


def test_lane_computes_also_where_threads_have_no_priority(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "setpriority")
    assert lane.compute(lambda: 5) == 5


def test_errors_of_the_work_are_the_callers(lane: Lane) -> None:
    with pytest.raises(ZeroDivisionError):
        lane.compute(lambda: 1 / 0)


@pytest.mark.parametrize("work", ["check", "set"])
def test_passwords_of_users_are_hashed_in_the_lane_without_a_connection(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    user = User.objects.create_user("owner", password="secret")
    mine, seen = connections["default"], []

    def hashed(*_: object) -> Any:
        seen.append((threading.current_thread().name, mine.connection))
        return (True, False) if work == "check" else "hash"

    monkeypatch.setattr(hashing, "verify_password", hashed)
    monkeypatch.setattr(hashing, "make_password", hashed)
    assert User.objects.count() == 1  # it has a connection now
    assert mine.connection is not None
    if work == "check":
        user.check_password("secret")
    else:
        user.set_password("secret")
    [(name, held)] = seen
    assert name.startswith("earshot-hash-known")
    assert held is None


def test_password_that_fits_nothing_is_not_hashed() -> None:
    user = User()
    user.set_password(None)
    assert not user.has_usable_password()


def test_a_transaction_keeps_its_connection(transactional_db: None, lane: Lane) -> None:
    with transaction.atomic():
        User.objects.count()
        assert lane.compute(lambda: 5) == 5
        assert connection.connection is not None


def test_who_waits_for_a_place_holds_no_connection(
    transactional_db: None, lane: Held, pool: ThreadPoolExecutor
) -> None:
    wrappers: list[Any] = []

    def come() -> None:
        User.objects.count()
        wrappers.append(connections["default"])
        enter(lane, "a")

    with lane.place("a"):
        others = [pool.submit(come) for _ in range(5)]
        assert all(lane.waits() for _ in others)
        assert [wrapper.connection for wrapper in wrappers] == [None] * 5
    for other in others:
        other.result(10)


@pytest.mark.parametrize(
    ("other", "waits"),
    [
        (("a", None), True),
        (("a", "else"), True),
        (("b", "user"), True),
        (("b", None), False),
        (("b", "else"), False),
    ],
)
def test_address_and_user_have_one_place_each(
    lane: Held, pool: ThreadPoolExecutor, other: tuple[str, str | None], waits: bool
) -> None:
    with lane.place("a", "user"):
        entered = pool.submit(enter, lane, *other)
        if waits:
            assert lane.waits()
            assert not entered.done()
        else:
            entered.result(10)
    entered.result(10)


def test_who_waits_too_long_for_a_place_is_refused(lane: Lane, settings: Settings) -> None:
    at_most(settings, seconds=0.05)
    with lane.place("a"), pytest.raises(Busy) as refused, lane.place("a"):
        pass
    assert (refused.value.status_code, vars(refused.value)["wait"]) == (429, 1)
    enter(lane, "a")


def test_who_waits_too_long_for_the_thread_is_refused_and_not_hashed(
    lane: Lane, pool: ThreadPoolExecutor, settings: Settings
) -> None:
    done: list[int] = []
    at_most(settings, seconds=0.05)
    with held(lane, pool), pytest.raises(Busy):
        lane.compute(done.append, 1)
    lane.compute(done.append, 2, seconds=30)  # at the lowest priority it may take its time
    assert done == [2]


def test_address_that_was_served_lets_others_of_the_user_go_first(
    lane: Held, pool: ThreadPoolExecutor
) -> None:
    log: list[str] = []

    def come(address: str) -> Future[None]:
        entered = pool.submit(enter, lane, address, "user", log)
        assert lane.waits()
        return entered

    with lane.place("flood", "user"):
        waiting = [come("flood"), come("flood"), come("owner's")]
    for entered in waiting:
        entered.result(10)
    assert log[0] == "owner's"


def test_line_has_an_end_and_an_address_a_part_of_it(
    lane: Held, pool: ThreadPoolExecutor, settings: Settings
) -> None:
    at_most(settings, waiting=8)
    with ExitStack() as stack:
        stack.enter_context(lane.place("a"))
        entered = pool.submit(enter, lane, "a")
        assert lane.waits()
        with pytest.raises(Busy):
            enter(lane, "a")
        for address in "bcdefg":
            stack.enter_context(lane.place(address))
        with pytest.raises(Busy):
            enter(lane, "h")
    entered.result(10)
    enter(lane, "h")
    assert lane._served == {}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_lane_works_in_a_forked_process(lane: Lane) -> None:
    assert lane.compute(lambda: 1) == 1
    child = os.fork()
    if not child:  # pragma: no cover  (another process)
        lane.reset()
        os._exit(lane.compute(lambda: 7))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_hash_within_a_place_is_computed_in_its_lane(
    monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    def where(*_: object) -> str:
        return threading.current_thread().name

    monkeypatch.setattr(hashing, "make_password", where)
    with lane.place("a"):
        assert hashing.encode("x").startswith("earshot-hash-test")
    assert hashing.encode("x").startswith("earshot-hash-known")

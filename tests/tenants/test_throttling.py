"""Counting itself, on a clock of its own; `test_views_login` shows what a client gets."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Event
from typing import Any, cast

import pytest
from pytest_django import Settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from tenants import throttling
from tenants.credentials import NotAuthenticated
from tenants.models import User
from tenants.throttling import Minute, UserThrottle, login_limits


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(Minute, "timer", lambda _: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {
        "login_failures_per_username": 2,
        "login_failures_per_address": 4,
        "requests_per_minute": 3,
    }


def request_of(
    user: User | None = None, address: str = "192.0.2.1", headers: dict[str, str] | None = None
) -> Request:
    request = Request(APIRequestFactory().get("/", headers=headers, REMOTE_ADDR=address))
    if user:
        request.user = user
    return request


def fail(username: str = "owner", **request: Any) -> float | None:
    """Log in with a wrong password; the seconds to wait, if that was one too many."""
    try:
        with login_limits(request_of(**request), username):
            raise NotAuthenticated
    except NotAuthenticated:
        return None
    except Throttled as throttled:
        return cast("Any", throttled).wait


def succeed(username: str = "owner", **request: Any) -> None:
    with login_limits(request_of(**request), username):
        pass


def test_failures_are_limited_until_the_minute_is_over(clock: Clock) -> None:
    assert [fail(), fail()] == [None, None]
    clock.now += 20.5
    assert fail() == 40
    with pytest.raises(Throttled):
        succeed()
    clock.now += 39.5
    succeed()
    assert [fail(), fail(), fail()] == [None, None, 60]


def test_good_logins_do_not_count() -> None:
    for _ in range(20):
        succeed()
    assert [fail(), fail()] == [None, None]


def test_other_errors_do_not_count() -> None:
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), login_limits(request_of(), "owner"):
            raise ZeroDivisionError
    assert [fail(), fail()] == [None, None]


def test_username_is_limited_wherever_he_is_and_others_are_not() -> None:
    assert [fail(address=f"192.0.2.{n}") for n in range(3)][:2] == [None, None]
    with pytest.raises(Throttled):
        succeed(address="192.0.2.9")
    succeed("another")


def test_address_is_limited_whoever_it_names(clock: Clock) -> None:
    assert [fail(f"user-{n}") for n in range(5)] == [None, None, None, None, 60]
    succeed("user-9", address="192.0.2.2")


def test_refused_attempts_count_for_nobody(clock: Clock) -> None:
    for _ in range(20):
        fail()
    assert [fail("another"), fail("another")] == [None, None]


def test_address_is_not_what_the_client_says(settings: Settings) -> None:
    said = [fail(f"user-{n}", headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(5)]
    assert said[:4] == [None] * 4
    assert said[4] is not None


@pytest.mark.parametrize("username", ["", "a b", "ü\n", "x" * 10_000])
def test_any_username_is_counted(username: str) -> None:
    assert [fail(username), fail(username)] == [None, None]
    assert fail(username) is not None


def outcomes(attempts: int, attempt: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(attempts) as pool:
        return list(pool.map(attempt, range(attempts)))


def test_attempts_at_once_give_no_more_guesses() -> None:
    failed = outcomes(16, lambda _: fail())
    assert failed.count(None) == 2


def test_good_logins_at_once_wait_for_each_other() -> None:
    assert outcomes(16, lambda _: succeed()) == [None] * 16


def fail_while(begin: Callable[[], Future[Any]], until: Event) -> Future[Any]:
    """Fail after another attempt has begun and has come to the point where it waits."""
    try:
        with login_limits(request_of(), "owner"):
            later = begin()
            assert until.wait(10)
            assert not later.done()
            raise NotAuthenticated
    except NotAuthenticated:
        return later


def test_attempt_waits_while_those_before_it_may_fail(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"login_failures_per_username": 1}
    waiting = Event()

    class Announcing(Condition):
        def wait(self, timeout: float | None = None) -> bool:
            waiting.set()
            return super().wait(timeout)

    monkeypatch.setattr(throttling, "_turn", Announcing())
    with ThreadPoolExecutor() as pool:
        later = fail_while(lambda: pool.submit(fail), until=waiting)
        assert later.result(10) is not None


def allowed(user: User | None) -> tuple[bool, UserThrottle]:
    throttle = UserThrottle()
    return throttle.allow_request(request_of(user), None), throttle


def test_user_is_limited_and_others_are_not(clock: Clock) -> None:
    assert [allowed(User(pk=1))[0] for _ in range(4)] == [True, True, True, False]
    clock.now += 15
    assert allowed(User(pk=1))[1].wait() == 45
    assert allowed(User(pk=2))[0]
    clock.now += 45
    assert allowed(User(pk=1))[0]


def test_nobody_is_not_counted() -> None:
    assert [allowed(None)[0] for _ in range(5)] == [True] * 5

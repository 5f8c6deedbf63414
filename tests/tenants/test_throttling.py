"""Counting itself, on a clock of its own; `test_views_login` shows what a client gets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from django.db import connections
from pytest_django import Settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from tenants.addresses import is_known
from tenants.models import User
from tenants.refused import NotAuthenticated
from tenants.throttling import Minute, UserThrottle, login_limits

pytestmark = pytest.mark.django_db


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
        "login_failures_of_strangers": 6,
        "logins_per_username": 30,
        "requests_per_minute": 3,
    }


def request_of(
    user: User | None = None, address: str = "192.0.2.1", headers: dict[str, str] | None = None
) -> Request:
    request = Request(APIRequestFactory().get("/", headers=headers, REMOTE_ADDR=address))
    if user:
        request.user = user
    return request


def fail(username: str = "owner", inside: bool = False, **request: Any) -> float | None:
    """Log in with a wrong password; the seconds to wait, if that was one too many."""
    try:
        with login_limits(request_of(**request), username, inside=inside):
            raise NotAuthenticated
    except NotAuthenticated:
        return None
    except Throttled as throttled:
        return cast("Any", throttled).wait


def succeed(username: str = "owner", inside: bool = False, **request: Any) -> None:
    with login_limits(request_of(**request), username, inside=inside):
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


def test_good_logins_are_limited_too(clock: Clock) -> None:
    for _ in range(30):
        succeed()
    with pytest.raises(Throttled):
        succeed()
    succeed("another")
    clock.now += 60
    succeed()


def test_who_is_inside_has_every_use_counted() -> None:
    succeed(inside=True)
    with pytest.raises(ZeroDivisionError), login_limits(request_of(), "owner", inside=True):
        raise ZeroDivisionError
    assert fail(inside=True) is not None
    assert fail() is not None  # it is one count


@pytest.mark.parametrize("times", [10, 1000])
def test_who_fails_keeps_nobody_out_elsewhere(times: int) -> None:
    failed = [fail() for _ in range(times)]
    assert failed.count(None) == 2
    succeed(address="192.0.2.2")
    succeed("another")


def test_strangers_everywhere_together_have_few_guesses_of_a_username(clock: Clock) -> None:
    failed = [fail(address=f"192.0.2.{n}") for n in range(20)]
    assert failed == [None] * 6 + [60] * 14
    with pytest.raises(Throttled):
        succeed(address="192.0.2.200")
    assert fail("another", address="192.0.2.1") is None
    clock.now += 60
    succeed(address="192.0.2.200")


def test_who_logged_in_there_before_gets_in_whatever_strangers_do() -> None:
    User.objects.create_user("owner")
    succeed(address="198.51.100.7")
    assert is_known("owner", "198.51.100.7")
    assert [fail(address=f"192.0.2.{n}") for n in range(7)][-1] is not None
    succeed(address="198.51.100.7")
    assert [fail(address="198.51.100.7") for _ in range(3)].count(None) == 2


def test_where_a_stolen_token_was_used_nobody_becomes_known() -> None:
    User.objects.create_user("owner")
    succeed(inside=True)
    assert fail("owner", address="192.0.2.9") is None
    assert not is_known("owner", "192.0.2.1")
    assert not is_known("owner", "192.0.2.9")


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
    def alone(number: int) -> Any:
        try:
            return attempt(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(attempts) as pool:
        return list(pool.map(alone, range(attempts)))


@pytest.mark.django_db(transaction=True)
def test_attempts_at_once_give_no_more_guesses() -> None:
    failed = outcomes(16, lambda _: fail())
    assert failed.count(None) == 2


@pytest.mark.django_db(transaction=True)
def test_strangers_at_once_have_no_more_guesses() -> None:
    failed = outcomes(16, lambda n: fail(address=f"192.0.2.{n}"))
    assert failed.count(None) == 6


@pytest.mark.django_db(transaction=True)
def test_good_logins_at_once_wait_for_each_other() -> None:
    assert outcomes(16, lambda _: succeed()) == [None] * 16


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

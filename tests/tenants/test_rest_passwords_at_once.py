"""Several requests that use a password at once: the hasher stands still, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants import hashing
from tenants.models import User
from tests.tenants.held import Announcing, Gated, announcing
from tests.tenants.test_passwords import NEW, change, confirm, may_log_in, token_of
from tests.world import World


@pytest.fixture
def world(transactional_db: None) -> World:
    cache.clear()
    return World()


@pytest.fixture
def gate(world: World, settings: Settings) -> Iterator[type[Gated]]:
    settings.PASSWORD_HASHERS = ["tests.tenants.held.Gated"]
    Gated.begun.clear()
    Gated.may_end.clear()
    yield Gated
    Gated.may_end.set()


@pytest.fixture
def line(settings: Settings) -> Iterator[Announcing]:
    settings.EARSHOT = settings.EARSHOT | {"hashing_waiting": 160, "hashing_seconds": 60.0}
    yield announcing(hashing.known)
    hashing.known.reset()


class Requests:
    """Requests of threads of their own; `connections` are those threads' database connections."""

    def __init__(self, number: int, ask: Callable[[int], Any]) -> None:
        self._ask = ask
        self._wrappers: list[Any] = []
        with_end = ThreadPoolExecutor(number)
        self.answers: list[Future[Any]] = [with_end.submit(self._alone, n) for n in range(number)]
        with_end.shutdown(wait=False)

    def _alone(self, number: int) -> Any:
        self._wrappers.append(connections["default"])
        try:
            return self._ask(number)
        finally:
            connections.close_all()

    @property
    def connections(self) -> list[Any]:
        return [wrapper.connection for wrapper in self._wrappers]

    def codes(self) -> list[int]:
        return sorted(answer.result(30).status_code for answer in self.answers)


def test_forty_changes_in_flight_hold_no_connection_and_ten_are_tried(
    world: World, gate: type[Gated], line: Announcing
) -> None:
    """A member sends the right old and a bad new password, again and again."""
    clients = [world.rest("viewer") for _ in range(40)]
    requests = Requests(40, lambda n: change(clients[n], new="short"))
    assert gate.begun.wait(30)
    assert all(line.waits() for _ in range(39))
    assert requests.connections == [None] * 40
    assert world.rest("owner").get(world.url).status_code == 200
    gate.may_end.set()
    assert requests.codes() == [400] * 10 + [429] * 30


@pytest.mark.parametrize("username", ["viewer", "nobody"])
def test_failing_logins_in_flight_hold_no_connection(
    world: World, gate: type[Gated], line: Announcing, username: str
) -> None:
    waiting = announcing(hashing.strangers)
    body = {"username": username, "password": "wrong"}
    requests = Requests(20, lambda _: APIClient().post("/api/login/", body))
    assert gate.begun.wait(30)
    assert all(waiting.waits() for _ in range(19))
    assert requests.connections == [None] * 20
    gate.may_end.set()
    assert requests.codes() == [401] * 10 + [429] * 10
    hashing.strangers.reset()


def test_password_that_was_changed_while_it_was_checked_is_wrong(
    world: World, gate: type[Gated]
) -> None:
    """Nothing is locked meanwhile: the write itself looks whether it is still the same."""
    client = world.rest("viewer")
    requests = Requests(1, lambda _: change(client))
    assert gate.begun.wait(30)
    User.objects.filter(username="viewer").update(password="md5$salt$another")
    gate.may_end.set()
    answer = requests.answers[0].result(30)
    assert (answer.status_code, answer.json()) == (400, {"old": ["Wrong password."]})
    assert User.objects.get(username="viewer").password == "md5$salt$another"


@pytest.mark.parametrize("changed", [{"password": "md5$salt$another"}, {"is_active": False}])
def test_link_that_was_used_up_while_its_password_was_hashed_is_bad(
    world: World, gate: type[Gated], changed: dict[str, Any]
) -> None:
    token = token_of(world)
    requests = Requests(1, lambda _: confirm(world.user_id("viewer"), token))
    assert gate.begun.wait(30)
    assert requests.connections == [None]
    User.objects.filter(username="viewer").update(**changed)
    gate.may_end.set()
    assert requests.answers[0].result(30).json()["code"] == "invalid_link"


def test_link_that_many_use_at_once_works_once(
    world: World, gate: type[Gated], line: Announcing
) -> None:
    token = token_of(world)
    requests = Requests(10, lambda _: confirm(world.user_id("viewer"), token))
    assert gate.begun.wait(30)
    assert all(line.waits() for _ in range(9))
    assert requests.connections == [None] * 10
    gate.may_end.set()
    assert requests.codes() == [204] + [400] * 9
    assert may_log_in("viewer", NEW)

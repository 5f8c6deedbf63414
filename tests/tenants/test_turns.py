"""Of one tenant's requests a few are worked on at a time, and the others hold no connection."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.exceptions import Throttled

from tenants.models import Membership
from tenants.turns import Turns, turns
from tenants.views import MeView
from tests.tenants.held import Announcing
from tests.world import World

pytestmark = pytest.mark.django_db


def asked() -> HttpRequest:
    request = HttpRequest()
    turns.begin(request)
    return request


@pytest.fixture
def two(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"turns_per_tenant": 2, "turn_seconds": 0.05}


def test_tenant_has_so_many_turns_and_another_has_its_own(two: None) -> None:
    mine, requests = Turns(), [asked() for _ in range(4)]
    mine.take(requests[0], 1)
    mine.take(requests[1], 1)
    with pytest.raises(Throttled):
        mine.take(requests[2], 1)
    mine.take(requests[3], 2)
    mine.end(requests[2])  # it had none
    mine.end(requests[0])
    again = asked()
    mine.take(again, 1)
    for request in (requests[1], requests[3], again):
        mine.end(request)
    assert not mine._working


def test_request_has_one_turn_and_only_if_somebody_will_end_it(two: None) -> None:
    mine, request = Turns(), asked()
    for _ in range(3):
        mine.take(request, 1)
        mine.take(HttpRequest(), 1)
    assert mine._working == {1: 1}


@pytest.mark.parametrize(("method", "path"), [("delete", ""), ("post", "accept/")])
def test_whoever_leaves_or_accepts_takes_a_turn_too(
    world: World, two: None, method: str, path: str
) -> None:
    """They wait for the tenant's row: one user's requests took the connections of all tenants."""
    tenant = world.tenants["acme"]
    Membership.objects.create(
        tenant=tenant, user=world.user("rival"), is_active=False, invited_at=timezone.now()
    )
    working = [asked(), asked()]
    for request in working:
        turns.take(request, tenant.pk)
    client = world.rest("rival")
    try:
        refused = getattr(client, method)(f"/api/tenants/acme/{path}")
    finally:
        for request in working:
            turns.end(request)
    assert (refused.status_code, refused["Retry-After"]) == (429, "1")
    assert getattr(client, method)(f"/api/tenants/acme/{path}").status_code == 204


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Announcing]:
    condition = Announcing()
    monkeypatch.setattr(turns, "_changed", condition)
    yield condition
    assert not turns._working


@pytest.mark.django_db(transaction=True)
def test_flood_of_a_tenant_leaves_the_others_their_connections(
    world: World,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    announced: Announcing,
) -> None:
    """Some members keep requests in flight that wait for something with a connection in hand."""
    settings.EARSHOT = settings.EARSHOT | {"turns_per_tenant": 2, "turn_seconds": 60.0}
    at_work, may_end = Barrier(3), Event()
    get, wrappers = MeView.get_object, []

    def waits(view: MeView) -> Any:
        if view.request.headers["X-Tenant"] == "acme":
            at_work.wait(30)
            assert may_end.wait(30)
        return get(view)

    def ask(username: str) -> int:
        wrappers.append(connections["default"])
        try:
            status: int = clients[username].get("/api/me/").status_code
            return status
        finally:
            connections.close_all()

    monkeypatch.setattr(MeView, "get_object", waits)
    names = ("owner", "editor", "viewer", "admin", "member")
    clients = {name: world.rest(name) for name in names}
    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(ask, name) for name in names]
        at_work.wait(30)
        assert all(announced.waits() for _ in range(3))
        assert [wrapper.connection is None for wrapper in wrappers].count(True) == 3
        assert world.rest("rival", "globex").get("/api/me/").status_code == 200
        monkeypatch.setattr(at_work, "wait", lambda seconds: None)
        may_end.set()
        assert [answer.result(30) for answer in answers] == [200] * 5


def test_turn_ends_also_when_the_view_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def fail(view: MeView) -> None:
        seen.extend(turns._working.values())
        raise RuntimeError

    monkeypatch.setattr(MeView, "get_object", fail)
    client = world.rest("viewer")
    client.raise_request_exception = False
    assert client.get("/api/me/").status_code == 500
    assert seen == [1]
    assert not turns._working

"""A tenant's own limits hold for its sockets and requests, and what they refuse is counted."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.audit import ledger
from realtime.audit.models import Connection
from tenants import opaque
from tenants.metrics import REFUSALS
from tenants.models import Tenant
from tests.client import SocketClient, connect, in_thread, subscribed
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


def refused(limit: str) -> float:
    acme = opaque.encode(Tenant, Tenant.objects.get(slug="acme").pk)
    return REFUSALS.labels(acme, limit)._value.get()


@pytest.fixture
def own(world: World) -> World:
    """Acme has small limits of its own."""
    small = {
        "sockets_per_user": 1,
        "subscriptions_per_socket": 1,
        "client_frame_bytes": 200,
        "frames_burst": 3,
        "frames_per_second": 1,
        "requests_per_minute": 1,
    }
    Tenant.objects.filter(slug="acme").update(limits=small)
    return world


async def opened(world: World, username: str) -> SocketClient:
    client: SocketClient = await in_thread(connect)(world, username)
    return client


async def test_welcome_names_the_tenants_own_limits(own: World) -> None:
    async with await opened(own, "viewer") as viewer:
        limits = (await viewer.receive())["limits"]
        assert (limits["client_frame_bytes"], limits["subscriptions_per_socket"]) == (200, 1)


async def test_socket_too_many_for_a_user_is_refused_and_counted(own: World) -> None:
    before = await in_thread(refused)("sockets_per_user")
    async with subscribed(own, "viewer"), await opened(own, "viewer") as second:
        assert await second.receive() == {"close": 4429}
    assert await in_thread(refused)("sockets_per_user") == before + 1


async def test_sockets_of_other_processes_count_too(own: World) -> None:
    def elsewhere() -> None:
        tenant = own.tenants["acme"]
        user_id = own.user("viewer").pk
        Connection.objects.create(
            id="elsewhere",
            process_id=ledger.begin_process(),
            tenant=tenant,
            user_id=user_id,
            since="2030-01-31T12:00Z",
        )

    await in_thread(elsewhere)()
    async with subscribed(own, "owner"):
        async with await opened(own, "viewer") as second:
            assert await second.receive() == {"close": 4429}
        await in_thread(Connection.objects.filter(pk="elsewhere").delete)()
        async with await opened(own, "viewer") as second:
            assert (await second.receive())["type"] == "WELCOME"


async def test_subscription_too_many_is_refused_and_counted(own: World) -> None:
    before = await in_thread(refused)("subscriptions_per_socket")
    profile = await in_thread(lambda: own.rest("viewer").get("/api/profiles/me/").json()["id"])()
    async with subscribed(own, "viewer") as viewer:
        answer = await viewer.subscribe(profile, "resources.profile")
        assert answer["code"] == "too_many_subscriptions"
    assert await in_thread(refused)("subscriptions_per_socket") == before + 1


@pytest.mark.parametrize(
    ("frames", "limit", "last"),
    [
        (["x" * 201], "client_frame_bytes", {"close": 4413}),
        ([{"action": "ping"}] * 4, "frames_per_second", "rate_limited"),
    ],
)
async def test_frame_too_many_or_too_big_is_refused_and_counted(
    own: World, frames: list[Any], limit: str, last: Any
) -> None:
    before = await in_thread(refused)(limit)
    async with await opened(own, "viewer") as viewer:
        assert (await viewer.receive())["type"] == "WELCOME"
        for frame in frames:
            await viewer.send(frame)
        answers = [await viewer.receive() for _ in frames]
        assert last in (answers[-1], answers[-1].get("code"))
    assert await in_thread(refused)(limit) == before + 1


def test_request_too_many_is_refused_and_counted(own: World) -> None:
    before = refused("requests_per_minute")
    rest = own.rest("viewer")
    assert rest.get(own.url).status_code == 200
    assert rest.get(own.url).status_code == 429
    assert refused("requests_per_minute") == before + 1
    assert own.rest("rival", "globex").get("/api/documents/").status_code == 200

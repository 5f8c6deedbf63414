"""Live sockets over REST: who sees them, and how an admin closes one."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings
from rest_framework.test import APIClient

from realtime.audit.models import Connection, Process
from tenants.models import Revocation, Session
from tests.client import SocketClient, connect, in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.realtime.audit.test_ledger import lost_process
from tests.windows import Open
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")

URL = "/api/connections/"


async def listed(world: World, username: str = "admin", tenant: str = "acme") -> list[Any]:
    answer = await in_thread(lambda: world.rest(username, tenant).get(URL))()
    assert answer.status_code == 200, answer.content
    results: list[Any] = answer.json()["results"]
    return results


async def test_admin_sees_who_listens_to_what_newest_first(world: World) -> None:
    async with subscribed(world, "owner"), subscribed(world, "viewer") as viewer:
        newest, oldest = await listed(world)
        assert newest == {
            "id": viewer.frames[0]["connection"],
            "user": world.user_id("viewer"),
            "username": "viewer",
            "since": newest["since"],
            "address": "",
            "agent": "",
            "subscriptions": [
                {"model": "resources.document", "id": world.id, "audience": "viewer"}
            ],
        }
        assert oldest["username"] == "owner"
    assert await listed(world) == []


async def test_sockets_with_more_subscriptions_than_a_page_may_hold_are_asked_for_one_by_one(
    world: World, settings: Settings
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"page_bytes": 199}  # one subscription is about 100
    client = await in_thread(world.rest)("admin")
    get = in_thread(client.get)
    async with subscribed(world, "owner"):
        assert len(await listed(world)) == 1
        async with subscribed(world, "viewer"):
            answer = await get(URL)
            assert (answer.status_code, answer.json()["code"]) == (400, "page_too_large")
            assert len((await get(f"{URL}?page_size=1")).json()["results"][0]["subscriptions"]) == 1


async def test_where_a_socket_comes_from_is_told(world: World) -> None:
    client = await in_thread(connect)(world, "viewer")
    client.communicator.scope["client"] = ("203.0.113.7", 50_000)
    client.communicator.scope["headers"].append((b"user-agent", b"Browser\0" + b"x" * 300))
    async with subscribed(world, "owner"), client:
        assert (await client.receive())["type"] == "WELCOME"
        await quiet()
        [shown, _] = await listed(world)
        assert shown["address"] == "203.0.113.7"
        assert shown["agent"] == ("Browser " + "x" * 300)[:200]


@pytest.mark.parametrize("username", ["owner", "viewer", "member"])
def test_nobody_but_an_admin_may_look(world: World, username: str) -> None:
    for method in ("get", "delete"):
        path = URL if method == "get" else f"{URL}unknown/"
        answer = getattr(world.rest(username), method)(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


async def test_admin_of_another_tenant_sees_and_closes_nothing_here(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await quiet()
        assert await listed(world, "rival", "globex") == []
        rest = await in_thread(world.rest)("rival", "globex")
        foreign, absent = [
            await in_thread(rest.delete)(f"{URL}{id}/")
            for id in (viewer.frames[0]["connection"], "absent\0")
        ]
        assert (foreign.status_code, foreign.content) == (absent.status_code, absent.content)
        assert foreign.status_code == 404
        assert await viewer.settle() == []


async def close(world: World, socket: SocketClient, query: str = "") -> int:
    await quiet()
    rest: APIClient = await in_thread(world.rest)("admin")
    answer = await in_thread(rest.delete)(f"{URL}{socket.frames[0]['connection']}/{query}")
    code: int = answer.status_code
    return code


async def test_closed_socket_ends_with_1000_and_no_other_does(world: World) -> None:
    async with subscribed(world, "viewer") as one, subscribed(world, "viewer") as two:
        assert await close(world, one) == 204
        assert (await one.settle())[-1] == {"close": 1000}
        assert await two.settle() == []
        assert await in_thread(AuthToken.objects.filter(user=world.user("viewer")).count)() == 2


async def test_socket_whose_token_is_revoked_ends_with_4401_in_this_tenant_only(
    world: World,
) -> None:
    """All sockets of the token, here; those of another, and those elsewhere, stay open."""
    token = await in_thread(world.token)("both")
    here, also, there = [SocketClient(token, tenant) for tenant in ("acme", "acme", "globex")]
    other = await in_thread(connect)(world, "both")
    async with here, also, there, other:
        for socket in (here, also, there, other):
            assert (await socket.receive())["type"] == "WELCOME"
        assert await close(world, here, "?revoke=1") == 204
        assert (await here.settle())[-1] == {"close": 4401}
        assert (await also.settle())[-1] == {"close": 4401}
        assert await there.settle() == await other.settle() == []
        assert await in_thread(AuthToken.objects.filter(user=world.user("both")).count)() == 2
        async with SocketClient(token, "acme") as again:
            assert await again.receive() == {"close": 4401}


async def test_revoke_is_0_or_1(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        assert await close(world, viewer, "?revoke=yes") == 400
        assert await viewer.settle() == []


async def test_session_of_a_closed_socket_is_revoked_here_too(world: World) -> None:
    def log_in() -> str:
        client = APIClient()
        assert client.login(username="viewer", password="secret")
        return client.cookies["sessionid"].value

    key = await in_thread(log_in)()
    client = SocketClient(None)
    client.communicator.scope["headers"] = [
        (b"host", b"testserver"),
        (b"origin", b"http://testserver"),
        (b"cookie", f"sessionid={key}".encode()),
    ]
    async with subscribed(world, "owner"), client:
        assert (await client.receive())["type"] == "WELCOME"
        assert await close(world, client, "?revoke=1") == 204
        assert (await client.settle())[-1] == {"close": 4401}
        assert await in_thread(Session.objects.filter(pk=key).exists)()
        assert await in_thread(Revocation.objects.filter(kind="session", key=key).exists)()


def test_sockets_of_a_lost_process_are_not_shown(world: World) -> None:
    lost = lost_process(world)
    assert world.rest("admin").get(URL).json()["results"] == []
    Process.objects.filter(pk=lost).update(beat_at=timezone.now())
    assert len(world.rest("admin").get(URL).json()["results"]) == 1


async def test_a_socket_that_left_before_its_row_was_written_leaves_none(world: World) -> None:
    async with subscribed(world, "owner"):
        hub = this_hub()
        run = hub.run
        async with await in_thread(connect)(world, "viewer") as viewer:
            await viewer.receive()
            await quiet()
            [gone] = [s for s in hub.connections if s.user_id == world.user("viewer").pk]
            gone.registered = None
            await in_thread(Connection.objects.filter(pk=gone.id).delete)()

            async def leaves(work: Any, *args: Any) -> Any:
                result = await run(work, *args)
                hub.connections.of_tenant[gone.tenant_id].discard(gone)
                return result

            hub.session_checks._run = leaves
            await hub.session_checks.of_users(gone.tenant_id, {gone.user_id})
            hub.session_checks._run = run
            hub.connections.of_tenant[gone.tenant_id].add(gone)
            await quiet()
            assert not await in_thread(Connection.objects.filter(pk=gone.id).exists)()


async def test_windows_of_a_socket_are_told_by_their_filter(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open(where={"status": "draft"})
    admin = await in_thread(world.rest)("admin")
    [socket] = (await in_thread(admin.get)("/api/connections/")).json()["results"]
    window = {"model": "resources.document", "where": {"status": ["draft"]}}
    assert socket["subscriptions"] == [window]

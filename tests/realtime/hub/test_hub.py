"""The hub: who is in it, and that neither a broker nor a message stops it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer
from knox.models import AuthToken
from pytest_django import Settings

from realtime.hub.hub import Hub, _end
from realtime.hub.per_loop import hubs
from realtime.transport import door
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


async def test_the_hub_starts_with_the_first_socket_and_stops_with_the_last(world: World) -> None:
    assert hubs.current() is None
    async with subscribed(world, "viewer"):
        hub = this_hub()
        async with subscribed(world, "owner"):
            assert this_hub() is hub
        assert this_hub() is hub
    assert hubs.current() is None
    assert (hub.connections.of_tenant, hub.rounds, hub.groups.groups) == ({}, {}, {})
    assert all(task.done() for task in hub._tasks)


async def test_a_tenant_without_sockets_is_forgotten_though_others_stay(world: World) -> None:
    async with subscribed(world, "viewer"):
        async with await in_thread(connect)(world, "rival", "globex") as rival:
            await rival.receive_until("WELCOME")
            assert len(this_hub().rounds) == 2
        assert list(this_hub().rounds) == [world.tenants["acme"].pk]
        await quiet()
        assert f"earshot.{world.tenants['globex'].pk}" not in this_hub().groups.groups


async def test_a_tenant_has_no_more_sockets_than_it_may(world: World, settings: Settings) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "sockets_per_tenant": 1}
    async with subscribed(world, "viewer"):
        async with await in_thread(connect)(world, "owner") as owner:
            assert await owner.receive() == {"close": 4429}
        async with await in_thread(connect)(world, "rival", "globex") as rival:
            assert (await rival.receive())["type"] == "WELCOME"


async def test_a_credential_that_ends_while_its_socket_is_registered_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked after it was looked at, and applied by the hub before the socket was in it."""
    identify = door.identify

    def revoked_right_after(*args: Any) -> Any:
        found = identify(*args)
        AuthToken.objects.filter(pk=found[0].credential.key).delete()
        return found

    async with subscribed(world, "owner"):
        monkeypatch.setattr(door, "identify", revoked_right_after)
        async with await in_thread(connect)(world, "viewer") as viewer:
            frame = await viewer.receive()
            while "close" not in frame:
                frame = await viewer.receive()
            assert frame == {"close": 4401}


async def test_a_logout_ends_only_the_sockets_of_its_credential(world: World) -> None:
    async with subscribed(world, "viewer") as one, subscribed(world, "viewer") as two:
        key = one.communicator.scope["headers"][0][1].decode().removeprefix("Token ")

        def log_out() -> None:
            AuthToken.objects.get(token_key=key[:15]).delete()

        await in_thread(log_out)()
        assert (await one.settle())[-1] == {"close": 4401}
        assert await two.settle() == []


async def test_unsubscribing_from_what_no_id_can_name_is_answered(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await viewer.send({"action": "unsubscribe", "model": "resources.document", "id": "?"})
        assert [f["type"] for f in await viewer.settle()] == ["UNSUBSCRIBED"]
        await in_thread(world.write)(title="Still live")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]


async def test_a_message_that_cannot_be_handled_does_not_stop_the_hub(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with subscribed(world, "viewer") as viewer:
        layer: Any = get_channel_layer()
        tenant = world.tenants["acme"].pk
        broken = {"type": "hub.frame", "tenant": tenant, "title": "a payload"}
        await layer.send(this_hub().groups.channel, broken)
        await in_thread(world.write)(title="Still delivered")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        assert "KeyError" in caplog.text
        assert "a payload" not in caplog.text


async def test_a_message_for_a_tenant_without_sockets_is_ignored(world: World) -> None:
    async with subscribed(world, "viewer"):
        await this_hub()._deliver({"type": "hub.notice", "tenant": 10**9, "revision": 1})
        assert list(this_hub().rounds) == [world.tenants["acme"].pk]


async def test_threads_give_their_connections_back(pooled: None, world: World) -> None:
    """A connection that a thread keeps would hold one of the pool's for ever."""
    async with subscribed(world, "viewer"):
        hub: Hub = this_hub()
        assert await hub.run(_is_open) is True
        assert await hub.run(_was_open) is False


def _is_open() -> bool:
    from django.db import connection

    connection.ensure_connection()
    return connection.connection is not None


def _was_open() -> bool:
    from django.db import connection

    return connection.connection is not None


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    async def lose_one() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(lose_one())
    await asyncio.sleep(0)
    await _end([task])
    assert task.cancelled()

"""Sockets that go at any moment leave nothing: no subscription, no membership, no task."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from channels.layers import get_channel_layer

from realtime.hub import reading
from resources.models import Document
from tenants import opaque
from tests.client import in_thread, quiet
from tests.realtime.leftovers import joined, nothing_left, rename, subscriptions
from tests.realtime.wire import Wire, the_hub, welcomed, wired
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = "resources.document"


class ReadGate:
    """The hub's read of a round, waiting at a gate."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.left = threading.Event()
        self.read = reading.read_round
        monkeypatch.setattr(reading, "read_round", self)

    def __call__(self, *args: Any) -> Any:
        self.entered.set()
        assert self.open.wait(5)
        try:
            return self.read(*args)
        finally:
            self.left.set()

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 5)

    async def passed(self) -> None:
        """Open it; no read is under way when the database is emptied after the test."""
        self.open.set()
        assert await asyncio.to_thread(self.left.wait, 5)


async def test_client_that_goes_inside_a_subscribe_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with wired(world) as wire:
        hub = the_hub()
        await quiet()
        gate = ReadGate(monkeypatch)
        wire.push({"model": DOCUMENT, "id": world.id})
        await gate.reached()
        wire.hang_up()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not hub.connections
        await gate.passed()
    assert nothing_left(hub)


class FatefulLayer:
    """The hub's channel layer: the client goes so many steps of the loop before a join returns."""

    def __init__(self, wire: Wire, steps: int) -> None:
        layer = get_channel_layer()
        self.wire, self.steps = wire, steps
        self.join, self.group_discard = layer.group_add, layer.group_discard

    async def group_add(self, group: str, channel: str) -> None:
        await self.join(group, channel)
        self.wire.hang_up()
        for _ in range(self.steps):
            await asyncio.sleep(0)


@pytest.mark.parametrize("steps", range(5))
async def test_client_that_goes_while_its_group_is_joined_leaves_nothing(
    world: World, steps: int
) -> None:
    """With one step, the round for the joined group is cancelled before it has begun."""
    async with wired(world) as wire:
        hub = the_hub()
        await quiet()
        hub.groups._layer = FatefulLayer(wire, steps)
        wire.push({"model": DOCUMENT, "id": world.id})
        await asyncio.wait_for(asyncio.shield(wire.task), 5)
    assert nothing_left(hub)


async def test_client_that_goes_right_after_its_frames_leaves_nothing(world: World) -> None:
    """A subscribe and the disconnect lie there together when the consumer looks."""
    async with wired(world) as wire:
        hub = the_hub()
        wire.push({"model": DOCUMENT, "id": world.id})
        assert (await wire.frame())["type"] == "SUBSCRIBED"
        await quiet()
        wire.push({"model": DOCUMENT, "id": world.id, "ref": 1})
        wire.hang_up()
    assert nothing_left(hub)


async def test_unsubscribe_during_a_subscribe_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with welcomed(world, "viewer") as client:
        hub = the_hub()
        await quiet()
        gate = ReadGate(monkeypatch)
        await client.send({"model": DOCUMENT, "id": world.id})
        await gate.reached()
        await client.send({"action": "unsubscribe", "model": DOCUMENT, "id": world.id})
        assert (await client.receive())["type"] == "UNSUBSCRIBED"
        await gate.passed()
        assert await client.settle() == []
        assert joined(hub) == {}
        assert subscriptions(hub) == 0
        await in_thread(rename)(world, "After")
        assert await client.settle() == []
    assert nothing_left(hub)


async def test_subscription_made_twice_is_one_and_ends_once(world: World) -> None:
    async with welcomed(world, "viewer") as client:
        hub = the_hub()
        await client.subscribe(world.id)
        await client.subscribe(world.id)
        assert subscriptions(hub) == 1
        assert joined(hub) == {"viewer": 1}
        await in_thread(rename)(world, "Once")
        assert [f["type"] for f in await client.settle()] == ["UPDATE_DOCUMENT"]
        await client.send({"action": "unsubscribe", "model": DOCUMENT, "id": world.id})
        assert [f["type"] for f in await client.settle()] == ["UNSUBSCRIBED"]
        assert subscriptions(hub) == 0
        assert joined(hub) == {}
        await in_thread(rename)(world, "Unheard")
        assert await client.settle() == []
    assert nothing_left(hub)


async def test_two_tabs_share_a_group_until_the_last_is_closed(world: World) -> None:
    async with welcomed(world, "viewer") as first:
        hub = the_hub()
        async with welcomed(world, "viewer") as second:
            for tab in (first, second):
                assert (await tab.subscribe(world.id))["type"] == "SUBSCRIBED"
            assert joined(hub) == {"viewer": 2}
            await in_thread(rename)(world, "Both")
            for tab in (first, second):
                assert [f["type"] for f in await tab.settle()] == ["UPDATE_DOCUMENT"]
        assert subscriptions(hub) == 1
        assert joined(hub) == {"viewer": 1}
        await in_thread(rename)(world, "One")
        assert [f["type"] for f in await first.settle()] == ["UPDATE_DOCUMENT"]
    assert nothing_left(hub)


async def test_many_groups_are_all_left(world: World) -> None:
    async with welcomed(world, "owner") as client:
        hub = the_hub()
        for document in [await in_thread(world.create)() for _ in range(5)]:
            await client.subscribe(opaque.encode(Document, document.pk))
        assert subscriptions(hub) == 5
    assert nothing_left(hub)


async def test_server_that_cancels_the_application_leaves_nothing(world: World) -> None:
    async with wired(world) as wire:
        hub = the_hub()
        wire.push({"model": DOCUMENT, "id": world.id})
        assert (await wire.frame())["type"] == "SUBSCRIBED"
        wire.task.cancel()
    assert nothing_left(hub)

"""Clients that take nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from realtime.transport import conversation
from tests.realtime.leftovers import nothing_left
from tests.realtime.wire import limit, the_hub, wired
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

PING = {"action": "ping"}


async def test_client_that_takes_nothing_is_cut(world: World, settings: Settings) -> None:
    limit(settings, stalled_seconds=0.1)
    async with wired(world) as wire:
        wire.stuck = {"websocket.send"}
        wire.push(PING)
        assert await wire.frame() == {"close": 4408}
        wire.push(PING)
        assert not wire.aborted.is_set()


async def test_client_that_takes_not_even_a_close_loses_its_transport(
    world: World, settings: Settings
) -> None:
    limit(settings, stalled_seconds=0.1, cut_seconds=0.01)
    async with wired(world) as wire:
        hub = the_hub()
        wire.stuck = {"websocket.send", "websocket.close"}
        wire.push(PING)
        await asyncio.wait_for(wire.aborted.wait(), 5)
        await asyncio.wait_for(wire.task, 5)
        assert nothing_left(hub)


async def test_server_that_gives_no_transport_away_ends_the_socket_itself(
    world: World, settings: Settings
) -> None:
    limit(settings, stalled_seconds=0.1, cut_seconds=0.01)
    async with wired(world) as wire:
        hub = the_hub()
        wire.gives_transport = False
        wire.stuck = {"websocket.send", "websocket.close"}
        wire.push(PING)
        await asyncio.wait_for(wire.wanted_transport.wait(), 5)
    assert nothing_left(hub)


async def test_close_that_hangs_costs_the_transport(world: World, settings: Settings) -> None:
    """A client that takes nothing cannot be sent a close frame, whatever the code."""
    limit(settings, stalled_seconds=0.1, cut_seconds=0.01)
    async with wired(world) as wire:
        wire.stuck = {"websocket.close"}
        wire.push("x" * 20_000)
        await asyncio.wait_for(wire.aborted.wait(), 1)


async def test_failed_socket_whose_close_hangs_is_let_go(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(text: str) -> Any:
        raise RuntimeError

    limit(settings, stalled_seconds=0.1, cut_seconds=0.01)
    monkeypatch.setattr(conversation, "parse", explode)
    async with wired(world) as wire:
        hub = the_hub()
        wire.stuck = {"websocket.close"}
        wire.push(PING)
        await asyncio.wait_for(asyncio.shield(wire.task), 1)
        assert nothing_left(hub)

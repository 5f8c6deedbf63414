"""The probe notices that the broker is gone, and what the hub does when it is back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from pytest_django import Settings

from realtime.hub.broker_probe import BrokerProbe
from realtime.metrics import BROKER_UP
from tests.client import in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.world import World


class Echo(InMemoryChannelLayer):
    """A layer whose messages come back at once: late, or not at all, while it is `held`."""

    def __init__(self) -> None:
        super().__init__()
        self.prober = BrokerProbe(self, 0.01)
        self.held = False
        self.sent: list[int] = []

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self.sent.append(message["number"])
        if not self.held:
            self.prober.heard(message["number"])


async def test_a_probe_that_comes_back_says_that_the_broker_is_there() -> None:
    assert await Echo().prober.probe("channel")


async def test_a_probe_that_does_not_come_back_is_missed() -> None:
    echo = Echo()
    echo.held = True
    assert not await echo.prober.probe("channel")


async def test_a_late_probe_does_not_stand_for_the_next() -> None:
    echo = Echo()
    echo.held = True
    waiting = asyncio.create_task(echo.prober.probe("channel"))
    await asyncio.sleep(0)
    echo.prober.heard(echo.sent[-1] - 1)
    assert not await waiting


async def test_a_hub_without_a_channel_has_no_broker() -> None:
    echo = Echo()
    assert not await echo.prober.probe(None)
    assert echo.sent == []


class Outage:
    """A broker that fails all that it is asked, until it is over."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.over = False
        self.joined: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            if not self.over:
                raise ConnectionError
            if name == "group_add":
                self.joined.append(args[0])
            return await getattr(self.layer, name)(*args)

        return call


async def test_an_outage_is_noticed_and_after_it_all_is_joined_and_looked_at_at_once(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The tail would come in an hour: what was lost comes because the broker is back."""
    settings.EARSHOT = {**settings.EARSHOT, "tail_seconds": 3600.0, "broker_probe_seconds": 0.01}
    async with subscribed(world, "viewer") as viewer:
        hub = this_hub()
        while hub.tail.marks is None:
            await hub.run(int)
        outage = Outage(hub._layer)
        deliver, lost = hub._deliver, asyncio.Event()

        async def lose(message: object) -> None:
            lost.set()

        hub._deliver = lose  # type: ignore[method-assign]
        hub.probe._layer = hub.groups._layer = outage
        async with asyncio.timeout(10):
            while hub.probe.up:
                await hub.run(int)
            assert BROKER_UP._value.get() == 0
            await in_thread(world.write)(title="Lost on the way")
            await lost.wait()
            hub._deliver = deliver  # type: ignore[method-assign]
            outage.over = True
            assert (await viewer.receive_until("UPDATE_DOCUMENT"))["payload"]["title"] == (
                "Lost on the way"
            )
        assert set(outage.joined) == set(hub.groups.groups)
        assert BROKER_UP._value.get() == 1
        hub.probe._layer = hub.groups._layer = outage.layer
        await quiet()
    assert "is not responding" in caplog.text
    assert "is back" in caplog.text

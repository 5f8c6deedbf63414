"""The hub's channel is opened when there is a broker, and not before."""

from __future__ import annotations

from typing import Any

import pytest
from channels.layers import get_channel_layer
from cryptography.fernet import Fernet
from pytest_django import Settings

from realtime.hub.channel import Channel
from realtime.hub.group_membership import GroupMemberships
from realtime.metrics import UNREADABLE
from realtime.state.subscriptions import State
from tests.client import connect, in_thread, quiet
from tests.gates import rounds_of, this_hub
from tests.world import World


class Reluctant:
    """A channel layer that fails the first time it is asked for anything."""

    def __init__(self) -> None:
        self.layer: Any = get_channel_layer()
        self.failed: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            if name in ("new_channel", "group_add", "receive") and name not in self.failed:
                self.failed.add(name)
                raise ConnectionError(name)
            return await getattr(self.layer, name)(*args)

        return call


async def test_a_hub_without_a_broker_answers_and_joins_when_there_is_one(
    world: World,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "broker_timeout_seconds": 0.01}
    reluctant = Reluctant()
    monkeypatch.setattr("realtime.hub.hub.get_channel_layer", lambda: reluctant)
    async with await in_thread(connect)(world, "viewer") as viewer:
        assert (await viewer.subscribe(world.id))["type"] == "SUBSCRIBED"
        [subscription] = rounds_of(world).index.all
        assert subscription.state is State.LIVE
        hub = this_hub()
        while hub.groups.channel is None:
            await hub.run(int)
        hub.groups.retry()
        await quiet()
        hub.groups.retry()
        await quiet()
        assert not any(group.failed for group in hub.groups.groups.values())
        await in_thread(world.write)(title="Through the broker")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
    assert "ConnectionError" in caplog.text


class Encrypted:
    """A channel layer with messages encrypted with somebody's key, and then a readable one."""

    def __init__(self, messages: list[bytes]) -> None:
        self.messages = messages

    async def new_channel(self) -> str:
        return "channel"

    async def receive(self, _: str) -> dict[str, Any]:
        crypter = Fernet(Fernet.generate_key())
        return {"read": crypter.decrypt(self.messages.pop())} if self.messages else {"type": "read"}


async def test_message_of_another_key_is_counted_and_holds_nobody_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stranger = Fernet(Fernet.generate_key())
    layer: Any = Encrypted([stranger.encrypt(b"x"), b"forged"])
    channel = Channel(layer, GroupMemberships(layer, 3600.0), timeout=3600.0)
    await channel.open()
    before = UNREADABLE._value.get()
    assert [await channel.next() for _ in range(3)] == [None, None, {"type": "read"}]
    assert UNREADABLE._value.get() == before + 2
    assert "EARSHOT_BROKER_KEYS" in caplog.text

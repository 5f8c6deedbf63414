"""What a process keeps of the payloads that its sockets have: digests, and no body."""

from __future__ import annotations

import pytest

from realtime import frames
from tests.client import in_thread, quiet, subscribed
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


async def test_no_body_is_kept_of_what_was_sent(world: World) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:
        assert not frames._alive
        await in_thread(world.write)(body="A long text. " * 1000)
        for reader in (viewer, owner):
            await reader.receive_until("UPDATE_DOCUMENT")
        await quiet()
        assert not frames._alive


async def test_unchanged_copy_is_recognised_without_its_body(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        first = viewer.frames[-1]
        again = await viewer.subscribe(world.id, etag=first["etag"])
        assert again == {k: v for k, v in first.items() if k != "payload"}
        assert (await viewer.subscribe(world.id))["payload"] == first["payload"]
        await in_thread(world.write)(budget="1.00")
        assert await viewer.settle() == []

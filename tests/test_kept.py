"""What a process keeps for its sockets: digests of what was sent, and no more than the bound."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import finalize

import pytest
from pytest_django import Settings

from realtime.metrics import SOCKET_BYTES, SOCKET_BYTES_MAX
from realtime.publishing import framing
from resources.models import Document
from tenants import opaque
from tenants.metrics import REFUSALS
from tenants.models import Tenant
from tests.client import in_thread, quiet, subscribed
from tests.gates import rounds_of
from tests.realtime.wire import limit, the_hub, welcomed, wired
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")

DOCUMENT = "resources.document"


def long_documents(world: World, number: int, size: int) -> dict[str, str]:
    """Their ids and bodies."""
    made = [world.create(body=chr(ord("a") + n) * size) for n in range(number)]
    for document in made:
        world.grant("viewer", "viewer", document)
    return {opaque.encode(Document, document.pk): document.body for document in made}


async def nothing_is_alive() -> None:
    """No frame is held; the thread that read it may let it go a moment later."""
    loop = asyncio.get_running_loop()
    for reference in framing._alive.valuerefs():
        if (frame := reference()) is not None:
            gone = asyncio.Event()
            finalize(frame, loop.call_soon_threadsafe, gone.set)
            del frame
            await asyncio.wait_for(gone.wait(), 5)
    assert [held for each in framing._alive.valuerefs() if (held := each()) is not None] == []


async def test_no_body_is_kept_of_what_was_sent(world: World) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:
        await nothing_is_alive()
        await in_thread(world.write)(body="A long text. " * 1000)
        for reader in (viewer, owner):
            await reader.receive_until("UPDATE_DOCUMENT")
        await quiet()
        await nothing_is_alive()


async def test_unchanged_copy_is_recognised_without_its_body(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        first = viewer.frames[-1]
        again = await viewer.subscribe(world.id, etag=first["etag"])
        assert again == {k: v for k, v in first.items() if k != "payload"}
        assert (await viewer.subscribe(world.id))["payload"] == first["payload"]
        await in_thread(world.write)(budget="1.00")
        assert await viewer.settle() == []


async def test_reader_gets_all_that_does_not_fit_at_once(world: World, settings: Settings) -> None:
    """Ten documents, each larger than a third of the bound, asked for in one go."""
    limit(settings, socket_bytes=10_000)
    bodies = await in_thread(long_documents)(world, 10, 4000)
    async with welcomed(world, "viewer") as viewer:
        for id in bodies:
            await viewer.send({"model": DOCUMENT, "id": id, "ref": id})
        got: dict[Any, str] = {}
        while len(got) < len(bodies):
            frame = await viewer.receive()
            assert frame["type"] == "SUBSCRIBED", frame
            got[frame["ref"]] = frame["payload"]["body"]
        assert got == bodies
        await quiet()
        assert {s.slot for s in rounds_of(world).index.all} == {None}
        assert await viewer.settle() == []


async def test_document_larger_than_the_bound_is_delivered(
    world: World, settings: Settings
) -> None:
    limit(settings, socket_bytes=5000)
    ((id, body),) = (await in_thread(long_documents)(world, 1, 50_000)).items()
    async with welcomed(world, "viewer") as viewer:
        await viewer.send({"action": "ping"})
        assert (await viewer.subscribe(id))["payload"]["body"] == body


async def test_slow_reader_that_repeats_a_subscribe_with_huge_etags_is_too_slow(
    world: World, settings: Settings
) -> None:
    limit(settings, socket_bytes=100_000)  # of which the server's buffer has 64 KiB
    tenant = opaque.encode(Tenant, world.tenants["acme"].pk)
    before = REFUSALS.labels(tenant, "socket_bytes")._value.get()
    async with wired(world) as wire:
        wire.stuck = {"websocket.send"}
        hub = the_hub()
        (mine,) = hub.connections
        repeated = {"model": DOCUMENT, "id": world.id, "etag": "e" * 15_900, "ref": "r" * 64}
        wire.push(*[repeated] * 40)
        await quiet()
        assert len(mine.mailbox) == 1
        (subscription,) = mine.subscriptions.values()
        assert {w.etag for w in subscription.waiting} == {None}
        hub._measure()
        assert SOCKET_BYTES._value.get() == SOCKET_BYTES_MAX._value.get() == mine.kept
        assert 20_000 < mine.mailbox.held < 25_000
        wire.push(*[repeated] * 40)
        while mine.mailbox.closing is None:
            await quiet()
        assert mine.mailbox.closing == 4408
        mine.cut()
        assert await wire.frame() == {"close": 4408}
    assert REFUSALS.labels(tenant, "socket_bytes")._value.get() == before + 1

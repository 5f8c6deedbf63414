"""A noisy neighbour: a small tenant's delivery while a large one broadcasts to thousands.

`python -m tests.servers python -m bench.neighbour` runs it on one uvicorn process. Alone and beside
the broadcasts take turns in one run.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
os.environ.setdefault("SOCKETS", "5000")

import django

django.setup()

from django.core.management import call_command  # noqa: E402  (needs the settings)
from websockets.asyncio.client import connect  # noqa: E402

from bench.fanout import SOCKETS, server  # noqa: E402
from bench.figures import Row, record  # noqa: E402
from bench.revocation import Reader, in_thread, returned  # noqa: E402
from bench.soak.verdict import percentile  # noqa: E402
from realtime.outbox import outbox  # noqa: E402
from tenants import opaque  # noqa: E402
from tests.world import World  # noqa: E402

TURNS = 6
CHANGES = 40
PAUSE = 0.05  # between the small tenant's changes
BROADCAST = 0.5  # between the large tenant's


@asynccontextmanager
async def crowd(world: World, url: str) -> AsyncIterator[None]:
    """Sockets of the large tenant's, all on one document, in a process of their own."""
    token = await in_thread(world.token)("viewer")
    port = str(urlsplit(url).port)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.crowd", port, token, "acme", world.id, str(SOCKETS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.stdin.close()
        await process.wait()


async def broadcasts(world: World) -> None:
    """Change what the crowd sees, again and again, until cancelled."""
    number = 0
    while True:
        number += 1
        await in_thread(partial(world.write, title=f"Broadcast {number}"))()
        await asyncio.sleep(BROADCAST)


async def latencies(reader: Reader, small: World) -> list[float]:
    """Milliseconds from each commit until the small tenant's reader has its frame."""
    found = []
    for number in range(CHANGES):
        heard = asyncio.ensure_future(reader.receive("UPDATE_DOCUMENT"))
        began = await returned(partial(small.write, title=f"Small {number} {time.time()}"))
        found.append(max(0.0, await heard - began) * 1000)
        await asyncio.sleep(PAUSE)
    return found


def of_globex(world: World) -> World:
    """The same people, with a document of the other tenant's."""
    small = World.__new__(World)
    small.tenants, small.users = world.tenants, world.users
    small.document = world.create("globex", "rival")
    return small


async def measure() -> list[Row]:
    await in_thread(call_command)("migrate", verbosity=0)
    world: World = await in_thread(World)()
    small = await in_thread(of_globex)(world)
    headers = {"Authorization": f"Token {await in_thread(world.token)('rival')}"}
    id = opaque.encode(type(small.document), small.document.pk)
    subscribe = json.dumps({"model": "resources.document", "id": id})
    alone: list[float] = []
    beside: list[float] = []
    async with (
        server("project.asgi:application") as (_, url),
        crowd(world, url),
        connect(f"{url}?tenant=globex", additional_headers=headers, proxy=None) as socket,
    ):
        reader = Reader(socket, subscribe)
        await reader.subscribe()
        await latencies(reader, small)
        for _ in range(TURNS):
            alone += await latencies(reader, small)
            noise = asyncio.create_task(broadcasts(world))
            beside += await latencies(reader, small)
            noise.cancel()
            await asyncio.gather(noise, return_exceptions=True)
            await in_thread(outbox.flush)()
    return [
        Row(
            "A small tenant's p99 delivery beside broadcasts of a large one, to alone",
            f"{percentile(beside, 0.99) / percentile(alone, 0.99):.2f} "
            f"(p50 {percentile(beside, 0.5):.1f} ms to {percentile(alone, 0.5):.1f} ms, "
            f"p99 {percentile(beside, 0.99):.1f} ms to {percentile(alone, 0.99):.1f} ms)",
            "at most 2",
            f"{SOCKETS} sockets of the large one, a broadcast each {BROADCAST} s, "
            f"{TURNS * CHANGES} changes of the small one each way, one uvicorn process",
        )
    ]


if __name__ == "__main__":
    record(asyncio.run(measure()))

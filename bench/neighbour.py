"""A noisy neighbour: a small tenant's delivery while a large one broadcasts to thousands.

One uvicorn process; alone and beside the broadcasts take turns in one run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench import town  # sets Django up
from bench.figures import Row
from bench.processes import Clients, clients, server, uvicorn
from bench.soak.verdict import percentile
from realtime.publishing.publisher import publisher
from tests.world import World

SOCKETS = 5000
TURNS = 6
CHANGES = 50
PAUSE = 0.05  # between the small tenant's changes
BROADCAST = 0.5  # between the large tenant's


async def committed(work: Callable[[], Any]) -> float:
    """When a write had committed."""

    def timed() -> float:
        work()
        return time.perf_counter()

    return await town.in_thread(timed)()


async def latencies(reader: Clients, write: Callable[[str], Any], turn: str) -> list[float]:
    """Milliseconds from each commit until the reader had the frame."""
    found = []
    for number in range(CHANGES):
        began = await committed(partial(write, f"{turn} {number}"))
        found.append(max(0.0, await reader.wait(1) - began) * 1000)
        await asyncio.sleep(PAUSE)
    return found


async def broadcasts(world: World, crowd: Clients) -> None:
    """Change what the crowd sees, again and again, until cancelled."""
    number = 0
    while True:
        number += 1
        await town.in_thread(partial(world.write, title=f"Broadcast {number}"))()
        await asyncio.sleep(BROADCAST)


async def measure() -> list[Row]:
    world = await town.made()
    small = await town.in_thread(town.with_document)(world, "globex", "rival")
    alone: list[float] = []
    beside: list[float] = []
    limits = {"EARSHOT_SOCKETS_PER_USER": "100000"}
    async with server(uvicorn(town.APPLICATION), **limits) as under:
        of_crowd = await town.plan(world, under.port, SOCKETS)
        of_small = await town.plan(world, under.port, 1, [small.id], "rival", "globex")
        async with clients(of_crowd, nice=19) as crowd, clients(of_small) as reader:
            await crowd.open()
            await reader.open()
            write = lambda title: small.write(title=title)  # noqa: E731
            await latencies(reader, write, "warm")
            for turn in range(TURNS):
                alone += await latencies(reader, write, f"alone {turn}")
                noise = asyncio.create_task(broadcasts(world, crowd))
                beside += await latencies(reader, write, f"beside {turn}")
                noise.cancel()
                await asyncio.gather(noise, return_exceptions=True)
                await town.in_thread(publisher.flush)()
                await asyncio.sleep(1)
    ratio = percentile(beside, 0.99) / percentile(alone, 0.99)
    return [
        Row(
            "Noisy neighbour: a small tenant's p99 delivery beside broadcasts, to alone",
            ratio,
            f"p50 {percentile(beside, 0.5):.1f} to {percentile(alone, 0.5):.1f} ms, "
            f"p99 {percentile(beside, 0.99):.1f} to {percentile(alone, 0.99):.1f} ms",
            "at most 2",
            ratio <= 2,
            f"{SOCKETS} sockets of the large one, a broadcast each {BROADCAST} s, "
            f"{TURNS * CHANGES} changes of the small one each way, one uvicorn process",
        )
    ]

"""Many objects with one subscriber each: CPU of a server process for each delivery.

Every change is a message of its own for a group of its own, so what is measured is the way from the
broker to one socket. The sockets are as many as the objects.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from channels.layers import get_channel_layer

from bench import town  # sets Django up
from bench.client import Plan
from bench.fanout import writer
from bench.figures import Row, spread
from bench.frame import BATCH
from bench.processes import Clients, Server, clients, server, uvicorn
from resources.models import Document
from tests.world import World

OBJECTS = 10_000
RUNS = 3  # over all objects, after one that is not counted
BATCHES = OBJECTS // BATCH

Change = Callable[[int], Awaitable[object]]


async def costs(under: Server, crowd: Clients, change: Change) -> list[float]:
    """Microseconds of the server's CPU for each delivery, of each run over all objects."""
    found = []
    for run in range(-1, RUNS):
        began = under.cpu()
        for batch in range(BATCHES):
            await change((run + 1) * BATCHES + batch)
            await crowd.wait(BATCH)
        found.append((under.cpu() - began) / OBJECTS * 1e6)
    return found[1:]


def retitle(run: int) -> None:
    """Change every document."""
    Document.objects.across_tenants().exclude(owner__username="rival").update(title=f"Run {run}")


async def earshot(world: World, ids: list[str]) -> list[float]:
    """Saved beforehand and published one by one; tail and sweep, which would see it, wait."""
    limits = {
        "EARSHOT_SOCKETS_PER_USER": "100000",
        "EARSHOT_SOCKETS_PER_TENANT": "100000",
        "EARSHOT_TAIL_SECONDS": "6000",
        "EARSHOT_PROCESS_LOST_SECONDS": "12000",
        "EARSHOT_SWEEP_SECONDS": "6000",
    }
    async with server(uvicorn(town.APPLICATION), **limits) as under:
        plan = await town.plan(world, under.port, OBJECTS, ids)
        async with clients(plan) as crowd:
            await crowd.open()
            writes = [partial(retitle, run) for run in range(RUNS + 1)]
            messages = await town.recorded(writes, "viewer")
            layer: Any = get_channel_layer()

            async def change(batch: int) -> None:
                for message in messages[batch * BATCH : (batch + 1) * BATCH]:
                    await layer.group_send(*message)

            return await costs(under, crowd, change)


async def blog() -> list[float]:
    """The blog pattern, a group for each object."""
    settings = {"DJANGO_SETTINGS_MODULE": "bench.peer_settings"}
    async with (
        server(uvicorn("bench.peers:objects"), **settings) as under,
        writer("objects") as write,
    ):
        plan = Plan(f"ws://127.0.0.1:{under.port}/ws/", OBJECTS)
        plan.replies, plan.ids = ['"$ID"'], [str(number) for number in range(OBJECTS)]
        async with clients(plan) as crowd:
            await crowd.open()
            return await costs(under, crowd, lambda batch: write(batch % BATCHES))


def viewed(world: World) -> list[str]:
    """The ids of documents that the viewer may view through a team."""
    made = town.documents(world, OBJECTS - 1)
    town.share(town.team([world.user("viewer")]), made)
    return [world.id, *(town.id_of(each) for each in made)]


async def measure() -> list[Row]:
    world = await town.made()
    ids = await town.in_thread(viewed)(world)
    ours, theirs = await earshot(world, ids), await blog()
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [
        Row(
            "A delivery of one of 10,000 objects, to the blog pattern",
            ratio,
            f"{spread(ours)} to {spread(theirs)} µs",
            "at most 1/5",
            ratio <= 1 / 5,
            f"{OBJECTS:,} sockets on an object each, {RUNS} changes of each, one uvicorn process",
        )
    ]

"""End to end: from a commit until the last of many sockets has its frame.

Beside it a bare loop sends the same bytes over as many uvicorn sockets, from the moment at which a
client asked for it. All servers live through the whole run and take turns.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from bench import town  # sets Django up
from bench.charts import bars
from bench.client import Plan
from bench.figures import Row
from bench.frame import FRAME
from bench.neighbour import committed
from bench.processes import Clients, clients, server, uvicorn
from bench.soak.verdict import percentile
from tests.world import World

SOCKETS = 1000
TURNS = 10
CHANGES = 30  # of each in a turn
PAUSE = 0.03  # for what a change leaves to be done
OURS = {"Earshot": {}, "Earshot, EARSHOT_PREFRAMED=0": {"EARSHOT_PREFRAMED": "0"}}
HOW = f"{SOCKETS} sockets, {TURNS * CHANGES} changes each way in turn, one uvicorn process"

Start = Callable[[str], Awaitable[float]]


async def said(crowd: Clients, name: str) -> float:
    """When a client began to say what the bare loop sends to all others."""
    began = time.perf_counter()
    await crowd.say(json.dumps({**FRAME, "number": name}))
    return began


async def latencies(crowd: Clients, start: Start, turn: int) -> list[float]:
    """Milliseconds until the last socket had its frame."""
    found = []
    for number in range(CHANGES):
        began = await start(f"{turn} {number}")
        found.append((await crowd.wait(SOCKETS) - began) * 1000)
        await asyncio.sleep(PAUSE)
    return found


async def opened(stack: AsyncExitStack, plan: Plan) -> Clients:
    """Clients with all their sockets ready."""
    crowd = await stack.enter_async_context(clients(plan))
    await crowd.open()
    return crowd


async def measure() -> list[Row]:
    world = await town.made()
    await town.in_thread(world.write)(body=FRAME["payload"]["body"])
    ways: dict[str, Callable[[int], Awaitable[list[float]]]] = {}
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        bare = await enter(server(uvicorn("bench.peers:bare")))
        plan = Plan(f"ws://127.0.0.1:{bare.port}/ws/", SOCKETS + 1)
        crowd = await opened(stack, plan)
        ways["bare"] = partial(latencies, crowd, partial(said, crowd))
        for name, switch in OURS.items():
            ways[name] = await earshot(stack, world, **switch)
        for turn in range(-1, TURNS):
            for name, way in ways.items():
                some = await way(turn)
                if turn >= 0:  # the first turn warms up
                    found.setdefault(name, []).extend(some)
    series = {
        f"p{share * 100:.0f}": [percentile(each, share) for each in found.values()]
        for share in (0.5, 0.99)
    }
    labels = ["a bare loop" if name == "bare" else name for name in found]
    bars("latency", f"ms until the last of {SOCKETS:,} sockets has its frame", labels, series)
    return [row(name, found[name], found["bare"], share) for name in OURS for share in (0.5, 0.99)]


async def earshot(
    stack: AsyncExitStack, world: World, **switch: str
) -> Callable[[int], Awaitable[list[float]]]:
    """A server with all sockets on one document of its own."""
    alone = await town.in_thread(town.with_document)(world)
    limits = {"EARSHOT_SOCKETS_PER_USER": "100000", **switch}
    command = uvicorn(town.APPLICATION, "--ws-per-message-deflate", "false")
    under = await stack.enter_async_context(server(command, **limits))
    crowd = await opened(stack, await town.plan(alone, under.port, SOCKETS))

    async def change(title: str) -> float:
        return await committed(lambda: alone.write(title=title))

    return partial(latencies, crowd, change)


def row(name: str, ours: list[float], bare: list[float], share: float) -> Row:
    """One ratio; only the p99 has a goal."""
    of = f"{percentile(ours, share):.1f} to {percentile(bare, share):.1f} ms"
    ratio = percentile(ours, share) / percentile(bare, share)
    what = f"{name}, commit to last byte, p{share * 100:.0f}, to a bare loop"
    if share == 0.99:
        return Row(what, ratio, of, "at most 2", ratio <= 2, HOW)
    return Row(what, ratio, of, "", None, HOW)

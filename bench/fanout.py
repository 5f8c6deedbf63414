"""Fan-out: CPU that one server process spends on each delivered frame of one changing object.

Each contestant is a server process of its own, on a core of its own; clients, writers, database and
broker are on the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

from channels.layers import get_channel_layer

from bench import town  # sets Django up
from bench.charts import bars
from bench.client import Plan
from bench.figures import Row, missing, spread
from bench.frame import FRAME
from bench.processes import (
    QUIET_TAIL,
    Clients,
    Missing,
    Server,
    clients,
    daphne,
    node,
    server,
    uvicorn,
)
from tests.world import World

FRAMES = 30_000  # that each run delivers, about
WARM = 3  # changes before what is counted
RUNS = {300: 3, 4000: 1}  # opening takes most of the time
HOW = f"one process on a core of its own, about {FRAMES:,} frames a run, {RUNS[300]} runs in turn"
HOW_MANY = f"as with 300 sockets, but {RUNS[4000]} run"
OURS = ("Earshot, uvicorn", "Earshot, uvicorn, EARSHOT_PREFRAMED=0", "Earshot, Daphne")
BLOG = "the blog pattern, uvicorn"
WANTED = {
    (OURS[0], BLOG): ("at most 1/15", 1 / 15),
    (OURS[1], BLOG): ("at most 1/15", 1 / 15),
    (OURS[2], "the blog pattern, Daphne"): ("at most 1/5", 1 / 5),
    (OURS[0], "Node ws"): ("at most 1", 1),
    (OURS[1], "Node ws"): ("at most 1.3", 1.3),
    (OURS[0], "a bare picows broadcast"): ("at most 4", 4),
    (OURS[1], "a bare picows broadcast"): ("at most 4", 4),
}

Change = Callable[[int], Awaitable[object]]


def changes_of(sockets: int) -> int:
    """How many changes are counted."""
    return max(5, FRAMES // sockets)


async def cost(under: Server, crowd: Clients, change: Change) -> float:
    """Microseconds of the server's CPU for each frame that a client received."""
    listening = crowd.plan.count
    changes = changes_of(listening)
    for number in range(-WARM, 0):  # what is done once is not counted
        await change(number)
        await crowd.wait(listening)
    began = under.cpu()
    for number in range(changes):
        await change(number)
        await crowd.wait(listening)
    return (under.cpu() - began) / (changes * listening) * 1e6


@asynccontextmanager
async def writer(name: str, **environment: str) -> AsyncIterator[Change]:
    """A peer's writer, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.writer", name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "bench.peer_settings", **environment},
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    if await stdout.readline() != b"ready\n":
        raise Missing(f"The writer of {name} did not start.")

    async def change(number: int) -> None:
        stdin.write(b"%d\n" % number)
        await stdout.readline()

    try:
        yield change
    finally:
        stdin.close()
        await process.wait()


async def earshot(world: World, command: list[str], sockets: int, **environment: str) -> float:
    """Saved beforehand and published one after another, for a save takes longer than a fan-out.

    The tail would find the changes first; so it looks rarely.
    """
    environment |= {"EARSHOT_SOCKETS_PER_USER": "100000", **QUIET_TAIL}
    async with AsyncExitStack() as stack:
        under = await stack.enter_async_context(server(command, **environment))
        plan = await town.plan(world, under.port, sockets)
        crowd = await stack.enter_async_context(clients(plan))
        await crowd.open()
        writes = [
            partial(world.write, title=f"Title {number}")
            for number in range(changes_of(sockets) + WARM)
        ]
        messages = await town.recorded(writes, "viewer")
        layer: Any = get_channel_layer()

        async def change(number: int) -> None:
            await layer.group_send(*messages[number + WARM])

        return await cost(under, crowd, change)


async def of_channels(name: str, command: list[str], sockets: int) -> float:
    """A peer on Django, whose changes come from another process through Valkey."""
    settings = {"DJANGO_SETTINGS_MODULE": "bench.peer_settings"}
    async with server(command, **settings) as under, writer(name) as change:
        stream = name == "eventstream"
        where = "http://127.0.0.1:{}/events/" if stream else "ws://127.0.0.1:{}/ws/"
        plan = Plan(where.format(under.port), sockets, events=stream)
        async with clients(plan) as crowd:
            await crowd.open()
            return await cost(under, crowd, change)


async def broadcast(command: list[str], sockets: int, io: bool = False) -> float:
    """A peer that only passes on what its first socket says."""
    async with server(command, DJANGO_SETTINGS_MODULE="bench.peer_settings") as under:
        where = "/socket.io/?EIO=4&transport=websocket" if io else "/ws/"
        plan = Plan(f"ws://127.0.0.1:{under.port}{where}", sockets + 1)
        if io:
            plan.replies, plan.echo = ["40"], {"2": "3"}  # Engine.IO 4: connect; ping and pong
        async with clients(plan) as crowd:
            await crowd.open()
            plan.count = sockets  # the first one only speaks

            async def change(number: int) -> None:
                frame = {**FRAME, "number": number}
                text = "42" + json.dumps(["change", frame]) if io else json.dumps(frame)
                await crowd.say(text)

            return await cost(under, crowd, change)


def contestants(world: World, sockets: int) -> dict[str, Callable[[], Awaitable[float]]]:
    """Every contestant by its name."""
    app = town.APPLICATION
    return {
        "Earshot, uvicorn": lambda: earshot(world, uvicorn(app), sockets),
        "Earshot, uvicorn, EARSHOT_PREFRAMED=0": lambda: earshot(
            world, uvicorn(app), sockets, EARSHOT_PREFRAMED="0"
        ),
        "Earshot, Daphne": lambda: earshot(world, daphne(app), sockets),
        "the blog pattern, uvicorn": lambda: of_channels(
            "blog", uvicorn("bench.peers:blog"), sockets
        ),
        "the blog pattern, Daphne": lambda: of_channels(
            "blog", daphne("bench.peers:blog"), sockets
        ),
        "djangochannelsrestframework, uvicorn": lambda: of_channels(
            "observer", uvicorn("bench.peers:observer"), sockets
        ),
        "django-eventstream, uvicorn": lambda: of_channels(
            "eventstream", uvicorn("bench.peers:eventstream"), sockets
        ),
        "a bare loop, uvicorn": lambda: broadcast(uvicorn("bench.peers:bare"), sockets),
        "Node ws": lambda: broadcast(node("ws.js"), sockets),
        "socket.io": lambda: broadcast(node("socket-io.js"), sockets, io=True),
        "a bare picows broadcast": lambda: broadcast(
            [sys.executable, "-m", "bench.broadcast", "PORT"], sockets
        ),
    }


class Costs(NamedTuple):
    """By contestant: what each run cost, or why there is none."""

    found: dict[str, list[float]]
    missing: dict[str, str]

    def median(self, name: str) -> float | None:
        """Microseconds of CPU for each frame."""
        return statistics.median(self.found[name]) if name in self.found else None


async def run(world: World, sockets: int) -> Costs:
    """The contestants in turn, several times."""
    costs = Costs({}, {})
    for _ in range(RUNS[sockets]):
        for name, contestant in contestants(world, sockets).items():
            if name not in costs.missing:
                try:
                    costs.found.setdefault(name, []).append(await contestant())
                except Missing as error:
                    costs.missing[name] = str(error)
                    costs.found.pop(name, None)
    return costs


def figures(at: dict[int, Costs]) -> list[Row]:
    """The ratios that are wanted, then every contestant's own cost."""
    rows = []
    for (name, other), (goal, at_most) in WANTED.items():
        ours, theirs = at[300].median(name), at[300].median(other)
        what = f"{name}, to {other}, 300 sockets"
        if ours is None or theirs is None:
            rows.append(missing(what, at[300].missing.get(name) or at[300].missing[other]))
            continue
        both = f"{spread(at[300].found[name])} to {spread(at[300].found[other])} µs"
        rows.append(Row(what, ours / theirs, both, goal, ours / theirs <= at_most, HOW))
    for name in OURS[:2]:
        few, many = at[300].median(name), at[4000].median(name)
        if few and many:
            both = f"{many:.1f} to {few:.1f} µs"
            what = f"{name}, 4,000 sockets, to 300"
            rows.append(Row(what, many / few, both, "at most 2", many / few <= 2, HOW_MANY))
    for size, costs in at.items():
        for name, found in costs.found.items():
            what = f"{name}, {size:,} sockets, µs of CPU a frame"
            rows.append(Row(what, statistics.median(found), spread(found), "", None, ""))
        rows += [missing(f"{name}, {size:,} sockets", why) for name, why in costs.missing.items()]
    return rows


async def measure() -> list[Row]:
    world = await town.made()
    await town.in_thread(world.write)(body=FRAME["payload"]["body"])
    at = {size: await run(world, size) for size in RUNS}
    names = list(contestants(world, 1))
    series = {
        f"{size:,} sockets": [costs.median(name) for name in names] for size, costs in at.items()
    }
    bars("fanout", "µs of CPU for each delivered frame", names, series)
    return figures(at)

"""Fan-out at the pace of real traffic: one change, then a pause, in which caches grow cold.

What counts is the CPU that listeners cost: of what a process uses with all of them, what it uses
with a single one is taken off, so that neither the request that writes nor idling counts.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from channels.layers import get_channel_layer

from bench import town  # sets Django up
from bench.client import Plan
from bench.fanout import Change, writer
from bench.figures import Row, spread
from bench.frame import FRAME
from bench.processes import QUIET_TAIL, Clients, Server, clients, server, uvicorn
from tests.world import World

SOCKETS = 300
CHANGES = 100
WARM = 5
SECONDS = 0.02
RUNS = 3
HOW = (
    f"{SOCKETS} sockets, {CHANGES} changes, one each {SECONDS * 1000:g} ms; {RUNS} runs in turn, "
    "one process on a core of its own"
)
OURS, BLOG, BARE = "Earshot", "the blog pattern", "a bare loop"
KINDS = {"by another process": (1.3, 10), "by REST in the same process": (1.6, 8)}

Contestant = Callable[[int], Awaitable[float]]
"""Seconds of CPU for all changes, with so many sockets."""


async def spent(under: Server, crowd: Clients, change: Change) -> float:
    """Seconds of the server's CPU for all changes, at their pace."""
    loop = asyncio.get_running_loop()
    for number in range(-WARM, 0):
        await change(number)
        await crowd.wait(crowd.plan.count)
    began, due = under.cpu(), loop.time()
    for number in range(CHANGES):
        await change(number)
        await crowd.wait(crowd.plan.count)
        due += SECONDS
        await asyncio.sleep(due - loop.time())
    return under.cpu() - began


@asynccontextmanager
async def crowded(
    command: list[str], plan: Callable[[int], Awaitable[Plan]], **environment: str
) -> AsyncIterator[tuple[Server, Clients]]:
    """A server with all the sockets of a plan, which is asked for with the port."""
    async with AsyncExitStack() as stack:
        under = await stack.enter_async_context(server(command, **environment))
        crowd = await stack.enter_async_context(clients(await plan(under.port)))
        await crowd.open()
        yield under, crowd


def by_rest(under: Server, method: str, url: str, headers: dict[str, str]) -> Change:
    """Changes that requests make, on one connection."""
    asking = http.client.HTTPConnection("127.0.0.1", under.port)

    def ask(number: int) -> None:
        body = json.dumps({**FRAME["payload"], "title": f"Title {number}"})
        asking.request(method, url, body if method == "POST" else _title(number), headers)
        answer = asking.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise OSError(f"{method} {url}: {answer.status}: {text!r}")

    async def change(number: int) -> None:
        await asyncio.to_thread(ask, number)

    return change


def _title(number: int) -> str:
    return json.dumps({"title": f"Title {number}"})


@asynccontextmanager
async def ours(
    world: World, sockets: int, **settings: str
) -> AsyncIterator[tuple[Server, Clients]]:
    """Our server with so many sockets on the world's document."""
    environment = {"EARSHOT_SOCKETS_PER_USER": "100000", **QUIET_TAIL, **settings}
    plan = partial(town.plan, world, count=sockets)
    command = uvicorn(town.APPLICATION, "--ws-per-message-deflate", "false")
    async with crowded(command, lambda port: plan(port=port), **environment) as found:
        yield found


async def patching(world: World, under: Server) -> Change:
    """The owner's requests that change the document."""
    token = await town.in_thread(world.token)("owner")
    headers = {"Authorization": f"Token {token}", "X-Tenant": "acme"}
    headers["Content-Type"] = "application/json"
    return by_rest(under, "PATCH", f"/api/documents/{world.id}/", headers)


async def earshot(world: World, kind: str, sockets: int) -> float:
    """Ours; what another process publishes was saved beforehand."""
    async with ours(world, sockets) as (under, crowd):
        if kind == "by REST in the same process":
            return await spent(under, crowd, await patching(world, under))
        writes = [partial(world.write, title=f"Title {n}") for n in range(CHANGES + WARM)]
        messages = await town.recorded(writes, "viewer")
        layer: Any = get_channel_layer()

        async def publish(number: int) -> None:
            await layer.group_send(*messages[number + WARM])

        return await spent(under, crowd, publish)


async def peer(application: str, kind: str, sockets: int) -> float:
    """The blog's pattern, or a bare loop, whose first socket says what all others get."""
    bare = application.endswith("bare")
    speaks = bare and kind == "by another process"
    settings = {"DJANGO_SETTINGS_MODULE": "bench.peer_settings"}

    async def plan(port: int) -> Plan:
        return Plan(f"ws://127.0.0.1:{port}/ws/", sockets + speaks)

    async with crowded(uvicorn(application), plan, **settings) as (under, crowd):
        if speaks:
            crowd.plan.count = sockets  # the first one only speaks
            return await spent(under, crowd, lambda n: crowd.say(json.dumps({**FRAME, "n": n})))
        if kind == "by REST in the same process":
            return await spent(under, crowd, by_rest(under, "POST", "/", {}))
        async with writer("blog") as change:
            return await spent(under, crowd, change)


def contestants(world: World, kind: str) -> dict[str, Contestant]:
    """Every contestant by its name."""
    return {
        OURS: partial(earshot, world, kind),
        BLOG: partial(peer, "bench.peers:blog", kind),
        BARE: partial(peer, "bench.peers:bare", kind),
    }


async def costs(world: World, kind: str) -> dict[str, list[float]]:
    """Microseconds of CPU that each contestant spends on a frame of one more listener."""
    found: dict[str, list[float]] = {}
    for _ in range(RUNS):
        for name, contestant in contestants(world, kind).items():
            marginal = await contestant(SOCKETS) - await contestant(1)
            found.setdefault(name, []).append(marginal / (CHANGES * (SOCKETS - 1)) * 1e6)
    return found


def figures(kind: str, found: dict[str, list[float]]) -> list[Row]:
    """What is wanted of ours, then every contestant's own cost."""
    ours, blog, bare = (statistics.median(found[name]) for name in (OURS, BLOG, BARE))
    to_bare, times = KINDS[kind]
    rows = [
        Row(
            f"One change each 20 ms, {kind}: Earshot, to a bare loop",
            ours / bare,
            f"{spread(found[OURS])} to {spread(found[BARE])} µs",
            f"at most {to_bare:g}",
            ours / bare <= to_bare,
            HOW,
        ),
        Row(
            f"One change each 20 ms, {kind}: Earshot, to the blog pattern",
            ours / blog,
            f"{spread(found[OURS])} to {spread(found[BLOG])} µs",
            f"at most 1/{times}",
            ours / blog <= 1 / times,
            HOW,
        ),
    ]
    for name, values in found.items():
        what = f"One change each 20 ms, {kind}: {name}, µs of CPU a frame"
        rows.append(Row(what, statistics.median(values), spread(values), "", None, ""))
    return rows


async def measure() -> list[Row]:
    world = await town.made()
    await town.in_thread(world.write)(body=FRAME["payload"]["body"])
    return [row for kind in KINDS for row in figures(kind, await costs(world, kind))]

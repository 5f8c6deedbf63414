"""Memory of an idle connection: what thousands of sockets add to a server that has served some.

Read from the kernel: the proportional set size of the whole process, before and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench import town  # sets Django up
from bench.charts import bars
from bench.client import Plan
from bench.figures import Row, missing
from bench.processes import Missing, Server, clients, node, server, uvicorn
from tests.world import World

SOCKETS = 5000
FIRST = 200  # whose connections load what is loaded once
GOAL = 30.0
HOW = f"proportional set size (/proc) before and after {SOCKETS} more connections than {FIRST}"


def kilobytes(under: Server) -> float:
    """The process's proportional set size."""
    text = Path(f"/proc/{under.pid}/smaps_rollup").read_text()
    return float(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1])


async def added(under: Server, plan: Callable[[int], Coroutine[Any, Any, Plan]]) -> float:
    """Kilobytes that each of many idle connections adds."""
    async with AsyncExitStack() as stack:
        crowds = [await stack.enter_async_context(clients(await plan(n))) for n in (FIRST, SOCKETS)]
        await crowds[0].open()
        await asyncio.sleep(3)  # a look of the tail
        before = kilobytes(under)
        await crowds[1].open()
        await asyncio.sleep(3)
        return (kilobytes(under) - before) / SOCKETS


async def earshot(world: World) -> float:
    """Each connection has one subscription, all to one document."""
    limits = {"EARSHOT_SOCKETS_PER_USER": "100000"}
    async with server(uvicorn(town.APPLICATION), **limits) as under:
        return await added(under, lambda count: town.plan(world, under.port, count))


async def peer(command: list[str], path: str, **said: Any) -> float:
    """A peer whose connections do nothing."""
    async with server(command, DJANGO_SETTINGS_MODULE="bench.peer_settings") as under:

        async def plan(count: int) -> Plan:
            return Plan(f"ws://127.0.0.1:{under.port}{path}", count, **said)

        return await added(under, plan)


async def measure() -> list[Row]:
    world = await town.made()
    ours = await earshot(world)
    what = "Earshot, uvicorn, KB for each connection with one subscription"
    rows = [Row(what, ours, "", f"at most {GOAL:g}", ours <= GOAL, HOW)]
    found = {"Earshot, uvicorn": ours}
    io = {"replies": ["40"], "echo": {"2": "3"}}
    others: dict[str, Callable[[], Coroutine[Any, Any, float]]] = {
        "Node ws": lambda: peer(node("ws.js"), "/ws/"),
        "socket.io": lambda: peer(
            node("socket-io.js"), "/socket.io/?EIO=4&transport=websocket", **io
        ),
        "a bare loop, uvicorn": lambda: peer(uvicorn("bench.peers:bare"), "/ws/"),
        "the blog pattern, uvicorn": lambda: peer(uvicorn("bench.peers:blog"), "/ws/"),
    }
    for name, other in others.items():
        what = f"{name}, KB for each connection"
        try:
            theirs = await other()
        except Missing as error:
            rows.append(missing(what, error))
            continue
        found[name] = theirs
        rows.append(Row(what, theirs, f"Earshot to it: {ours / theirs:.1f}", "", None, ""))
    bars("memory", "KB of memory for each idle connection", list(found), {"KB": [*found.values()]})
    return rows

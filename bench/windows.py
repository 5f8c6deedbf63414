"""Windows: what live lists cost, to single subscriptions and to a list that each subscriber asks
for again."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from typing import Any

from channels.layers import get_channel_layer

from bench import town  # sets Django up
from bench.client import Plan
from bench.fanout import writer
from bench.figures import Row, missing, spread
from bench.memory import kilobytes
from bench.processes import Clients, Missing, Server, clients, server, uvicorn
from bench.windows_coming import PATIENT, QUIET, ROWS, RUNS, Change, change, opened
from tests.world import World

MANY = 5000
A_SOCKET = 5  # windows of each socket, of those 5,000
FANOUT = 300
CHANGES = 120
EACH = 10  # changes one way before the other has its turn
WARM = 2  # turns that do not count
SUBSCRIBERS = 1000


async def held(world: World, windows: int) -> Change:
    """A change of an object that so many windows hold: the cheapest of some."""
    each = min(windows, A_SOCKET)
    async with server(uvicorn(town.APPLICATION), **PATIENT, **QUIET) as under:
        plan = await town.plan(world, under.port, windows // each)
        plan.replies, plan.own = [], [[opened(f"w{n}", 1) for n in range(each)]] * plan.count
        async with clients(plan) as crowd:
            await crowd.open()
            await crowd.tell()
            await crowd.wait(2 * windows, 240)  # ENTERED, SUBSCRIBED
            found = []
            for number in range(RUNS + 1):
                write = partial(world.write, title=f"Held by {windows}: {number}")
                found.append(await change(under, crowd, plan.count, write))
            return min(found[1:], key=lambda each: each.statements)


async def of_changes(world: World) -> list[Row]:
    """A change with one window, and with many."""
    one, many = await held(world, 1), await held(world, MANY)
    how = f"one uvicorn process, {MANY // A_SOCKET:,} sockets of {A_SOCKET} windows each"
    return [
        Row(
            f"Queries of a change that {MANY:,} windows hold, to those for 1",
            many.statements / one.statements,
            f"{many.statements} to {one.statements}",
            "equal",
            many.statements == one.statements,
            how + "; pg_stat_statements, of writer and server",
        ),
        Row(
            f"Serializations of a change that {MANY:,} windows hold, to those for 1",
            many.serializations / one.serializations,
            f"{many.serializations:g} to {one.serializations:g}",
            "equal",
            many.serializations == one.serializations,
            how,
        ),
    ]


Delivery = Callable[[], Awaitable[float]]
"""Delivers some changes, and says the microseconds of the server's CPU for each frame."""


@asynccontextmanager
async def delivering(world: World, *, windows: bool) -> AsyncIterator[Delivery]:
    """What delivers to windows, or to single subscriptions, on a server of their own."""
    async with server(uvicorn(town.APPLICATION), **PATIENT, **QUIET) as under:
        plan = await town.plan(world, under.port, FANOUT)
        if windows:
            plan.replies = [opened(limit=1)]
        async with clients(plan) as crowd:
            await crowd.open()
            if windows:
                await crowd.wait(FANOUT)  # SUBSCRIBED comes after ENTERED, which made it ready
            writes = [partial(world.write, title=f"Of {windows} {n}") for n in range(CHANGES)]
            kind = "hub.move" if windows else "hub.frame"
            messages = iter(await town.recorded(writes, "viewer", kind))
            layer: Any = get_channel_layer()

            async def some() -> float:
                began = under.cpu()
                for message in islice(messages, EACH):
                    await layer.group_send(*message)
                    await crowd.wait(FANOUT)
                return (under.cpu() - began) / EACH / FANOUT * 1e6

            yield some


async def of_delivery(world: World) -> list[Row]:
    """A delivered row of windows beside that of single subscriptions, in turn: what else the
    machine does, and how fast it is meanwhile, changes from one second to the next."""
    singles, windows = [], []
    async with delivering(world, windows=False) as single, delivering(world, windows=True) as row:
        for _ in range(CHANGES // EACH):
            singles.append(await single())
            windows.append(await row())
    singles, windows = singles[WARM:], windows[WARM:]
    found = statistics.median(windows) / statistics.median(singles)
    return [
        Row(
            f"CPU for a row delivered to {FANOUT} windows, to a single subscription's",
            found,
            f"{spread(windows)} to {spread(singles)} µs",
            "at most 1.2",
            found <= 1.2,
            f"{len(windows)} times {EACH} changes each way in turn, one uvicorn process each, its "
            "whole CPU",
        )
    ]


async def of_memory(world: World) -> list[Row]:
    """What a window adds to a socket that is there, of rows that others hold as well."""
    some, first = 500, 50
    async with server(uvicorn(town.APPLICATION), **PATIENT) as under:
        found = []
        for sockets in (first, some):
            plan = await town.plan(world, under.port, sockets)
            plan.replies, plan.own = [], [[opened()]] * sockets
            crowd = clients(plan)
            each = await crowd.__aenter__()
            found.append((crowd, each))
            await each.open()
            before = kilobytes(under)
            await each.tell()
            await each.wait(sockets * (ROWS + 1), 240)
        after = kilobytes(under)
        for crowd, _ in found:
            await crowd.__aexit__(None, None, None)
    added = (after - before) / some
    how = f"proportional set size (/proc) before and after {some} windows, after {first}"
    return [
        Row(
            f"Memory of a window of {ROWS} rows that others share, KB",
            added, "", "at most 30", added <= 30, how,
        )
    ]  # fmt: skip


async def of_requerying(world: World) -> list[Row]:
    """A change of one row, with a subscriber each that has the list."""
    runs = 3

    async def cost(under: Server, crowd: Clients, write: Callable[[int], Awaitable[Any]]) -> float:
        await write(0)
        await crowd.wait(crowd.plan.count, 240)
        began = under.cpu()
        for number in range(1, runs + 1):
            await write(number)
            await crowd.wait(crowd.plan.count, 240)
        return (under.cpu() - began) / runs * 1000

    async with server(uvicorn(town.APPLICATION), **PATIENT, **QUIET) as under:
        plan = await town.plan(world, under.port, SUBSCRIBERS)
        plan.replies, plan.own = [], [[opened()]] * plan.count
        async with clients(plan) as crowd:
            await crowd.open()
            await crowd.tell()
            await crowd.wait(SUBSCRIBERS * (ROWS + 1), 240)

            async def save(number: int) -> None:
                await town.in_thread(world.write)(title=f"For the list {number}")

            ours = await cost(under, crowd, save)
    settings = {"DJANGO_SETTINGS_MODULE": "bench.peer_settings"}
    command, what = uvicorn("bench.peers:requerying"), "A change with 1,000 lists of 100, CPU of"
    try:
        async with (
            server(command, **settings) as under,
            writer("requerying") as make,
            clients(Plan(f"ws://127.0.0.1:{under.port}/ws/", SUBSCRIBERS)) as crowd,
        ):
            await crowd.open()
            theirs = await cost(under, crowd, make)
    except Missing as error:
        return [missing(f"{what} a re-query per subscriber", error)]
    return [
        Row(
            f"{what} a re-query per subscriber, to Earshot's",
            theirs / ours,
            f"{theirs:,.0f} to {ours:.1f} ms",
            "at least 20",
            theirs / ours >= 20,
            "each subscriber of a djangochannelsrestframework observer asks for its list again",
        )
    ]


def shared(world: World) -> None:
    """So many documents that the viewer views, the world's the newest of them."""
    town.share(town.team([world.user("viewer")]), town.documents(world, ROWS))
    world.document = world.create(body=world.document.body)
    world.grant("viewer", "viewer")


async def measure() -> list[Row]:
    world = await town.made()
    rows = [*await of_changes(world), *await of_delivery(world)]
    await town.in_thread(shared)(world)
    rows += await of_memory(world)
    rows += await of_requerying(world)
    return rows

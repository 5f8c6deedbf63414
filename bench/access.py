"""An access change: people leave a Django group, and all that they saw through it ends.

Timed from the commit until the last subscription is told of its end, beside a server that reads
what is touched one by one; meanwhile another tenant goes on as usual.
"""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Coroutine
from functools import partial
from typing import Any, NamedTuple

from bench import statements, town  # sets Django up
from bench.charts import bars
from bench.client import Plan
from bench.figures import Row, spread
from bench.neighbour import PAUSE, committed
from bench.processes import Clients, Server, clients, server, uvicorn
from bench.soak.verdict import percentile
from realtime.publishing.publisher import publisher
from tests.world import World

SIZES = {1: (1, 1), 100: (1, 100), 10_000: (100, 100)}  # subscriptions: readers, documents of each
RUNS = 5
NEIGHBOUR_RUNS = 15
BATCH = 500  # EARSHOT_ROUND_SIZE
LIMITS = {"EARSHOT_FRAMES_PER_SECOND": "1000000", "EARSHOT_ROUND_SIZE": f"{BATCH}"}


class Loss(NamedTuple):
    """Seconds from a loss to the last one's notice, and the statements of the database."""

    seconds: float
    statements: int


class Team:
    """Readers of some documents through a Django group, with a live copy of each."""

    def __init__(self, world: World, readers: int, documents: int) -> None:
        self.members = town.readers(world, readers)
        self.group = town.team(self.members)
        shared = town.documents(world, documents)
        town.share(self.group, shared)
        self.tokens = [town.token(each) for each in self.members]
        self.size = readers * documents
        self.asks = [
            json.dumps({"model": "resources.document", "id": town.id_of(each)}) for each in shared
        ]

    def plan(self, port: int) -> Plan:
        """One socket of each reader's."""
        url = f"ws://127.0.0.1:{port}/ws/?tenant=acme"
        own = [self.asks] * len(self.members)
        return Plan(url, len(own), tokens=self.tokens, own=own)

    def clear(self) -> None:
        """All leave."""
        self.group.user_set.clear()

    def restore(self) -> None:
        """All come back."""
        self.group.user_set.set(self.members)
        publisher.flush()


async def loss(team: Team, crowd: Clients) -> Loss:
    """Take it from all, who are live."""
    await town.in_thread(statements.forget)()
    began = await committed(team.clear)
    seconds = await crowd.wait(team.size, 300) - began
    return Loss(seconds, await town.in_thread(statements.ran)())


async def restored(team: Team, crowd: Clients) -> None:
    """Make all live again."""
    await town.in_thread(team.restore)()
    await crowd.tell()
    await crowd.wait(team.size, 300)


async def losses(team: Team, under: Server, runs: int) -> list[Loss]:
    """Make all live, and take it from them, so often."""
    found = []
    async with clients(team.plan(under.port)) as crowd:
        await crowd.open()
        for _ in range(runs):
            await restored(team, crowd)
            found.append(await loss(team, crowd))
    return found


class Neighbour:
    """A reader of another tenant's document, which changes all the time."""

    def __init__(self, small: World, reader: Clients) -> None:
        self._small, self._reader = small, reader
        self._number = 0

    async def latency(self) -> float:
        """Milliseconds from a commit until the reader had the frame."""
        self._number += 1
        began = await committed(partial(self._small.write, title=f"Title {self._number}"))
        found = max(0.0, await self._reader.wait(1) - began) * 1000
        await asyncio.sleep(PAUSE)
        return found

    async def beside(self, work: Coroutine[Any, Any, object]) -> list[float]:
        """The latencies while something else is done."""
        task = asyncio.create_task(work)
        found = []
        while not task.done():
            found.append(await self.latency())
        await task
        return found


async def neighbour(world: World, team: Team, under: Server) -> tuple[list[float], list[float]]:
    """Another tenant's latencies beside losses, and as many while nothing happens."""
    small = await town.in_thread(town.with_document)(world, "globex", "rival")
    plan = await town.plan(world, under.port, 1, [small.id], "rival", "globex")
    beside: list[float] = []
    idle: list[float] = []
    async with clients(team.plan(under.port), nice=19) as crowd, clients(plan) as reader:
        await crowd.open()
        await reader.open()
        other = Neighbour(small, reader)
        for _ in range(NEIGHBOUR_RUNS):
            await restored(team, crowd)
            await committed(team.clear)
            some = await other.beside(crowd.wait(team.size, 300))
            beside += some
            idle += [await other.latency() for _ in some]
    return beside, idle


def figures(together: list[list[Loss]], alone: Loss) -> list[Row]:
    """Time and statements by size."""
    rows = []
    times = [statistics.median(each.seconds for each in found) for found in together]
    ratio = times[-1] / alone.seconds
    how = f"10,000 live subscriptions of 100 users end with a Django group; {RUNS} runs, and one"
    of = f"{spread([each.seconds for each in together[-1]], digits=2)} to {alone.seconds:.1f} s"
    labels = [*(f"{size:,} touched" for size in SIZES), "10,000 touched, one by one"]
    bars("access", "seconds until the last is told", labels, {"s": [*times, alone.seconds]})
    rows.append(
        Row("10,000 touched, to one by one", ratio, of, "at most 1/20", ratio <= 1 / 20, how)
    )
    for size, found in zip(SIZES, together, strict=True):
        batches = -(-size // BATCH)
        each = statistics.median(loss.statements for loss in found) / batches
        what = f"{size:,} touched, statements of a batch of at most {BATCH}"
        of = spread([loss.seconds * 1000 for loss in found], digits=0)
        least = statistics.median(loss.statements for loss in together[0])
        rows.append(
            Row(what, each, f"in {of} ms", "as for 1", each <= least, "by pg_stat_statements")
        )
    return rows


async def measure() -> list[Row]:
    world = await town.made()
    teams = [await town.in_thread(Team)(world, *size) for size in SIZES.values()]
    async with server(uvicorn(town.APPLICATION), **LIMITS) as under:
        together = [await losses(team, under, RUNS) for team in teams]
        beside, idle = await neighbour(world, teams[-1], under)
    async with server(uvicorn("bench.one_by_one:application"), **LIMITS) as under:
        [alone] = await losses(teams[-1], under, 1)
    ratio = percentile(beside, 0.99) / percentile(idle, 0.99)
    return [
        *figures(together, alone),
        Row(
            "Another tenant's p99 delivery meanwhile, to idle",
            ratio,
            f"p50 {percentile(beside, 0.5):.1f} to {percentile(idle, 0.5):.1f} ms, "
            f"p99 {percentile(beside, 0.99):.1f} to {percentile(idle, 0.99):.1f} ms",
            "at most 2",
            ratio <= 2,
            f"{len(beside)} changes while 10,000 were touched, and as many while none were",
        ),
    ]

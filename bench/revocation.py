"""Revoke to silence: how soon readers hear of a loss, beside how soon they hear of a change.

On two uvicorn processes, first as it is, then with every notice lost.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Literal
from unittest import mock

from django.conf import settings

from bench.figures import Row
from bench.processes import server, uvicorn
from bench.soak.verdict import percentile
from bench.town import APPLICATION, in_thread, made
from realtime.client import Earshot, connect
from realtime.publishing import notifications
from tests.world import World

ROUNDS = 400
LOSSY_ROUNDS = 30


class Reader:
    """A user's client on one process; whatever comes is kept with its time."""

    earshot: Earshot

    def __init__(self, id: str) -> None:
        self.frames: list[str] = []
        self.following: asyncio.Task[None] | None = None
        self._id = id
        self._come: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    def note(self, frame: dict[str, Any], way: Literal["in", "out"]) -> None:
        """Keep what has come."""
        if way == "in":
            self._come.put_nowait((time.perf_counter(), frame["type"]))
            self.frames.append(json.dumps(frame))

    async def subscribe(self) -> None:
        """Begin, or begin again."""
        self.following = asyncio.create_task(self._follow())
        await self.receive("SUBSCRIBED")

    async def _follow(self) -> None:
        async for copy in self.earshot.object("resources.document", self._id):
            if copy.state == "gone":
                return

    async def receive(self, kind: str) -> float:
        """When the next frame of this type came."""
        async with asyncio.timeout(30):
            while True:
                at, type = await self._come.get()
                if type == kind:
                    return at


@asynccontextmanager
async def reader(world: World, url: str, username: str) -> AsyncIterator[Reader]:
    """A user's client, live on the world's document."""
    token = await in_thread(world.token)(username)
    found = Reader(world.id)
    about = {"tenant": "acme", "credentials": token, "proxy": None}
    async with connect(url, on_frame=found.note, **about) as found.earshot:
        await found.subscribe()
        yield found
        assert found.following is not None
        found.following.cancel()


async def returned(operation: Callable[[], Any]) -> float:
    """When a write in this process had committed."""

    def timed() -> float:
        operation()
        return time.perf_counter()

    return await in_thread(timed)()


async def latencies(readers: list[Reader], operation: Callable[[], Any], kind: str) -> list[float]:
    """Milliseconds from the return of a write until each reader had heard of it."""
    times = [asyncio.ensure_future(each.receive(kind)) for each in readers]
    began = await returned(operation)
    return [max(0.0, moment - began) * 1000 for moment in await asyncio.gather(*times)]


async def healthy(world: World, readers: list[Reader]) -> list[Row]:
    """Changes and revocations in turn."""
    changes: list[float] = []
    losses: list[float] = []
    for number in range(ROUNDS):
        write = partial(world.write, title=f"Title {number}")
        changes += await latencies(readers, write, "UPDATE_DOCUMENT")
        losses += await latencies(readers, partial(world.revoke, "viewer"), "DELETE_DOCUMENT")
        await in_thread(world.grant)("viewer", "viewer")
        for each in readers:
            await each.subscribe()
    ratio = percentile(losses, 0.99) / percentile(changes, 0.99)
    return [
        Row(
            "Revoke to silence, p99 to that of an ordinary notification",
            ratio,
            f"p50 {_both(losses, changes, 0.5)}, p99 {_both(losses, changes, 0.99)}",
            "at most 3",
            ratio <= 3,
            f"{ROUNDS} of each in turn, sockets on two uvicorn processes, written by a third",
        )
    ]


def _both(losses: list[float], changes: list[float], share: float) -> str:
    return f"{percentile(losses, share):.1f} ms to {percentile(changes, share):.1f} ms"


async def lossy(world: World, readers: list[Reader], witnesses: list[Reader]) -> list[Row]:
    """Revocations without notices: half are found by the tail, half by the next change's frame."""
    found: list[float] = []
    leaks = 0
    tail = settings.EARSHOT["tail_seconds"]
    for number in range(LOSSY_ROUNDS):
        seen = [len(each.frames) for each in readers]
        revoke = partial(world.revoke, "viewer")
        if number % 2:
            evicted = [asyncio.ensure_future(each.receive("DELETE_DOCUMENT")) for each in readers]
            await in_thread(revoke)()
            write = partial(world.write, title=f"canary {number}")
            await latencies(witnesses, write, "UPDATE_DOCUMENT")
            await asyncio.gather(*evicted)
        else:
            await asyncio.sleep(random.uniform(0, tail))  # any moment between two looks
            found += await latencies(readers, revoke, "DELETE_DOCUMENT")
        leaks += sum(
            len(text)
            for each, begin in zip(readers, seen, strict=True)
            for text in each.frames[begin:]
            if f"canary {number}" in text
        )
        await in_thread(world.grant)("viewer", "viewer")
        for each in readers:
            await each.subscribe()
    return [
        Row(
            "Every notice lost: the last eviction by the tail, to its period",
            max(found) / 1000 / tail,
            f"p50 {percentile(found, 0.5) / 1000:.2f} s, max {max(found) / 1000:.2f} s",
            "about 1",
            max(found) / 1000 <= 1.25 * tail,
            f"{len(found)} evictions on two uvicorn processes, a tail period of {tail:g} s",
        ),
        Row(
            "Every notice lost: bytes leaked of changes made after the loss",
            float(leaks),
            "",
            "0",
            not leaks,
            f"{LOSSY_ROUNDS // 2} changes at once after a revocation, two uvicorn processes",
        ),
    ]


async def measure() -> list[Row]:
    world = await made()
    await in_thread(world.grant)("member", "viewer")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        ports = [(await enter(server(uvicorn(APPLICATION)))).port for _ in range(2)]
        urls = [f"ws://127.0.0.1:{port}/ws/" for port in ports]
        readers = [await enter(reader(world, url, "viewer")) for url in urls]
        witnesses = [await enter(reader(world, url, "member")) for url in urls]
        rows = await healthy(world, readers)
        with mock.patch.object(notifications, "_notices", return_value=[]):
            return rows + await lossy(world, readers, witnesses)

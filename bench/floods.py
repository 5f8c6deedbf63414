"""Floods: what another tenant notices of somebody who wears the server out on purpose.

One uvicorn process, with the limits and the hashes of production; quiet and flooded take turns. To
add a flood, add it to `FLOODS`.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final

from bench import town  # sets Django up
from bench.figures import Row
from bench.processes import CLIENTS, Clients, Server, _prepare, clients, server, uvicorn
from bench.soak.verdict import percentile
from tenants.limits import DEFAULTS
from tests.world import World

TURNS: Final = 5
CHANGES: Final = 60
PAUSE: Final = 0.05  # between the other tenant's changes
CALM: Final = 1.0  # after a flood
PASSWORD: Final = "a long enough phrase"

Flood = Callable[[World, Server, Counter[str]], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def flooding(server: Server, answers: Counter[str], **order: Any) -> AsyncIterator[None]:
    """So many requests in flight, in a process of their own, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.flood", str(server.port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: _prepare(CLIENTS, 19),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(order).encode() + b"\n")
    try:
        yield
    finally:
        process.stdin.close()
        answers.update(json.loads(await process.stdout.readline() or "{}"))
        await process.wait()


def passwords(world: World, server: Server, answers: Counter[str]) -> Any:
    """Members of one tenant change their passwords, with the right old and a bad new one."""
    headers = [{"Authorization": f"Token {world.token(name)}"} for name in MEMBERS]
    body = {"old": PASSWORD, "new": "short"}
    return flooding(
        server, answers, path="/api/password/", bodies=[body], headers=headers, at_once=40, pause=1
    )


def logins(world: World, server: Server, answers: Counter[str]) -> Any:
    """Somebody tries passwords of many people, a hundred at once, from one address."""
    bodies = [{"username": f"somebody {n}", "password": "wrong"} for n in range(100)]
    return flooding(
        server, answers, path="/api/login/", bodies=bodies, headers=[{}], at_once=100, pause=1
    )


FLOODS: Final[dict[str, Flood]] = {
    "40 changes of a password in flight": passwords,
    "100 failing logins in flight": logins,
}
MEMBERS: Final = [f"member{n}" for n in range(12)]


def prepare(world: World) -> None:
    """People whose passwords cost what they cost in production."""
    for name in MEMBERS:
        user = world.user(name)
        user.set_password(PASSWORD)
        user.save()


def patch(port: int, path: str, token: str, title: str) -> None:
    """Change a document over REST."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Token {token}", "X-Tenant": "globex"}
    headers["Content-Type"] = "application/json"
    try:
        connection.request("PATCH", path, json.dumps({"title": title}), headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body[:200])
    finally:
        connection.close()


async def changes(
    write: Callable[[str], None], reader: Clients, turn: str
) -> dict[str, list[float]]:
    """Milliseconds of each PATCH, and from its beginning until the reader had the frame."""
    found: dict[str, list[float]] = {"PATCH": [], "delivery": []}
    for number in range(CHANGES):
        began = time.perf_counter()
        await asyncio.to_thread(write, f"{turn} {number}")
        found["PATCH"].append((time.perf_counter() - began) * 1000)
        found["delivery"].append((await reader.wait(1) - began) * 1000)
        await asyncio.sleep(PAUSE)
    return found


async def measure() -> list[Row]:
    world = await town.made()
    await town.in_thread(prepare)(world)
    small = await town.in_thread(town.with_document)(world, "globex", "rival")
    token = await town.in_thread(world.token)("rival")
    names = ("answer_seconds", "connection_seconds")
    limits = {f"EARSHOT_{name.upper()}": str(DEFAULTS[name]) for name in names}
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    answers: dict[str, Counter[str]] = {name: Counter() for name in FLOODS}
    async with server(uvicorn(town.APPLICATION), **limits) as under:
        plan = await town.plan(world, under.port, 1, [small.id], "rival", "globex")
        async with clients(plan) as reader:
            await reader.open()
            write = partial(patch, under.port, small.url, token)
            await changes(write, reader, "warm")
            for turn in range(TURNS):
                await _turn(found, "", changes(write, reader, f"quiet {turn}"))
                for name, flood in FLOODS.items():
                    begun = await town.in_thread(flood)(world, under, answers[name])
                    async with begun:
                        await _turn(found, name, changes(write, reader, f"{name} {turn}"))
                    await asyncio.sleep(CALM)
    return [
        _row(name, what, found["", what], found[name, what], answers[name])
        for name in FLOODS
        for what in ("PATCH", "delivery")
    ]


async def _turn(found: Any, name: str, changing: Any) -> None:
    for what, some in (await changing).items():
        found[name, what] += some


def _row(
    name: str, what: str, quiet: list[float], flooded: list[float], answers: Counter[str]
) -> Row:
    ratio = percentile(flooded, 0.99) / percentile(quiet, 0.99)
    said = ", ".join(f"{number} times {status}" for status, number in sorted(answers.items()))
    return Row(
        f"Another tenant's p99 {what} during {name}, to quiet",
        ratio,
        f"p50 {percentile(flooded, 0.5):.1f} to {percentile(quiet, 0.5):.1f} ms, "
        f"p99 {percentile(flooded, 0.99):.1f} to {percentile(quiet, 0.99):.1f} ms",
        "at most 2",
        ratio <= 2,
        f"{TURNS * CHANGES} changes each way in turn, one uvicorn process; who is refused waits as "
        f"told, for a second at most; the flood was answered {said or 'nothing'}",
    )

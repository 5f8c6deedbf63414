"""What one of each costs, measured in one run: the parameters of `bench.scale`.

CPU is what the kernel counts for whole processes: a worker, all of PostgreSQL, the broker.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis
from channels.layers import get_channel_layer
from django.db import connection

from bench import town  # sets Django up
from bench.client import Plan
from bench.fanout import earshot
from bench.figures import Row
from bench.frame import FRAME
from bench.idle import idlers
from bench.memory import kilobytes
from bench.processes import QUIET_TAIL, Server, clients, server, uvicorn
from bench.scale.units import Units, title
from bench.sizes import sizes
from bench.storm import EACH, asks, peopled
from permissions import accesslog
from permissions.accesslog import Touch
from realtime.hub.tail import read_tail
from realtime.publishing.publisher import publisher
from resources.models import Document
from tenants.limits import limits
from tenants.models import Tenant
from tests.world import World

Found = dict[str, float]

TENANTS: Final = 1_000
SOCKETS: Final = 2_000
CROWD: Final = 4_000  # sockets that take the same frame
SECONDS: Final = 20.0
SWEEP_SECONDS: Final = 10.0
NO_SWEEP: Final = {"EARSHOT_SWEEP_SECONDS": "86400"}
PATCHES: Final = 300
MESSAGES: Final = 2_000
GROUPS: Final = 20_000
PROCESSES: Final = 10
LOOKS: Final = 10
ROWS: Final = {
    "change_bytes": "earshot_realtime.Change",
    "push_bytes": "earshot_realtime.Push",
    "access_bytes": "earshot_realtime.Access",
}
TICKS: Final = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """Of /proc/PID/stat, what follows the name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def database_cpu() -> float:
    """Seconds of CPU of all of PostgreSQL's processes, also of those that have ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        postmaster = int(_stat(cursor.fetchone()[0])[1])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    ticks = sum(int(text) for text in _stat(postmaster)[11:15])
    ticks += sum(int(text) for pid in children for text in _stat(int(pid))[11:13])
    return ticks / TICKS


@asynccontextmanager
async def metered(under: Server, found: Found, name: str, count: float) -> AsyncIterator[None]:
    """What the block costs the worker and PostgreSQL, in microseconds, each of so many."""
    database, worker = await town.in_thread(database_cpu)(), under.cpu()
    yield
    found[f"worker_{name}"] = (under.cpu() - worker) / count * 1e6
    found[f"database_{name}"] = (await town.in_thread(database_cpu)() - database) / count * 1e6


async def returning(world: World, found: Found) -> None:
    """Connections and subscriptions, as in a storm; then messages to four of them each."""
    tokens, ids = await town.in_thread(peopled)(world)
    own = [asks(ids, number) for number in range(SOCKETS)]
    async with server(uvicorn(town.APPLICATION), **QUIET_TAIL, **NO_SWEEP) as under:
        url = f"ws://127.0.0.1:{under.port}/ws/?tenant=acme"
        async with clients(Plan(url, SOCKETS, tokens=tokens, own=own)) as crowd:
            async with metered(under, found, "connect", SOCKETS):
                await crowd.open()
            async with metered(under, found, "subscribe", SOCKETS * EACH):
                await crowd.tell()
                await crowd.wait(SOCKETS * EACH, 240)
            messages = await town.recorded([partial(retitle, "Message")], "viewer")
            layer: Any = get_channel_layer()
            frames = SOCKETS * EACH
            async with metered(under, found, "message", len(messages)):
                for message in messages:
                    await layer.group_send(*message)
                await crowd.wait(frames)
            found["worker_message"] -= found["worker_frame"] * frames / len(messages)
        await patching(world, under, found)


def retitle(title: str) -> None:
    """Change every document, and wait until that is announced."""
    Document.objects.across_tenants().update(title=title)
    publisher.flush(600)


async def patching(world: World, under: Server, found: Found) -> None:
    """Changes over REST that the worker announces."""
    token = await town.in_thread(world.token)("owner")
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    asking = http.client.HTTPConnection("127.0.0.1", under.port)

    def patch(number: int) -> None:
        body = json.dumps({"title": f"Title {number}"})
        asking.request("PATCH", f"/api/documents/{world.id}/", body, headers)
        answer = asking.getresponse()
        if answer.status != 200:
            raise OSError(f"PATCH: {answer.status}: {answer.read()!r}")
        answer.read()

    await town.in_thread(patch)(-1)
    async with metered(under, found, "patch", PATCHES):
        for number in range(PATCHES):
            await town.in_thread(patch)(number)
        await asyncio.sleep(1)  # what is announced last


class Idlers(NamedTuple):
    """Users of as many tenants, who do nothing, and a document of each."""

    tokens: list[str]
    ids: list[str]

    def plan(self, under: Server, count: int) -> Plan:
        """So many sockets of these users."""
        url = f"ws://127.0.0.1:{under.port}/ws/"
        return Plan(url, count, replies=[town.SUBSCRIBE], ids=self.ids, tokens=self.tokens)


async def idling(found: Found) -> None:
    """Workers whose tenants do nothing."""
    idle = Idlers(*await town.in_thread(idlers)(TENANTS))
    async with server(uvicorn(town.APPLICATION), **NO_SWEEP) as under:
        await resting(idle, under, found)
    swept = {"EARSHOT_SWEEP_SECONDS": f"{SWEEP_SECONDS:g}", "EARSHOT_SWEEP_BUDGET": "1"}
    async with server(uvicorn(town.APPLICATION), **swept) as under:
        await sweeping(idle, under, found)
    differences(found)


async def resting(idle: Idlers, under: Server, found: Found) -> None:
    """One socket, then many; then each tenant has an access change."""
    one, many = idle.plan(under, 1), idle.plan(under, TENANTS)
    async with clients(one) as first, clients(many) as crowd:
        await first.open()
        await asyncio.sleep(5)
        async with metered(under, found, "base", SECONDS * 1000):
            await asyncio.sleep(SECONDS)
        before = kilobytes(under)
        await crowd.open()
        await asyncio.sleep(5)
        found["worker_kilobytes"] = (kilobytes(under) - before) / TENANTS
        async with metered(under, found, "idle", SECONDS):
            await asyncio.sleep(SECONDS)
        async with metered(under, found, "round", TENANTS):
            await town.in_thread(touch)()
            await asyncio.sleep(SECONDS)


async def sweeping(idle: Idlers, under: Server, found: Found) -> None:
    """Two periods of the sweep."""
    async with clients(idle.plan(under, TENANTS)) as crowd:
        await crowd.open()
        await asyncio.sleep(SWEEP_SECONDS)
        async with metered(under, found, "sweep", TENANTS / SWEEP_SECONDS * SECONDS):
            await asyncio.sleep(SECONDS)


def differences(found: Found) -> None:
    """Make units of what was measured together with what is done anyway."""
    pings = TENANTS / limits()["ping_seconds"]
    found["worker_ping"] = (found["worker_idle"] - found["worker_base"] * 1000) / pings
    for part in ("worker", "database"):
        idle = found.pop(f"{part}_idle")
        found[f"{part}_round"] -= idle * SECONDS / TENANTS
        found[f"{part}_sweep"] -= idle * SWEEP_SECONDS / TENANTS


def touch() -> None:
    """Say that something changed for everybody in each idle tenant; the tails find it."""
    for tenant in Tenant.objects.filter(slug__startswith="idle-"):
        accesslog.record(tenant.pk, [Touch()], "measured")


def tailing(found: Found) -> None:
    """Looks of a tail that serves all tenants in which something changed, and of one of others."""
    tenants = list(Tenant.objects.values_list("pk", flat=True))
    marks = read_tail(list, None).marks
    retitle("Tail")
    rows = Document.objects.across_tenants().count()
    for served, names in ((tenants, ("worker_tail_row", "database_tail_row")),
                          ([], ("", "database_skip_row"))):  # fmt: skip
        database, worker = database_cpu(), time.thread_time()
        for _ in range(LOOKS):
            read_tail(lambda served=served: served, marks)  # type: ignore[misc]
        found[names[0]] = (time.thread_time() - worker) / rows / LOOKS * 1e6
        found[names[1]] = (database_cpu() - database) / rows / LOOKS * 1e6


def broker(found: Found) -> None:
    """Messages to nobody and to some processes, and groups that one process joins."""
    client: Any = redis.Redis.from_url(os.environ["REDIS_URL"])
    text = json.dumps(FRAME)

    def info() -> tuple[float, int]:
        told = client.info()
        return (told["used_cpu_user"] + told["used_cpu_sys"]) * 1e6, told["used_memory"]

    def publish() -> float:
        before, _ = info()
        for _ in range(MESSAGES):
            client.publish("measured", text)
        return float(info()[0] - before) / MESSAGES

    found["broker_publish"] = publish()
    listening = [client.pubsub() for _ in range(PROCESSES)]
    for each in listening:
        each.subscribe("measured")
    found["broker_delivery"] = (publish() - found["broker_publish"]) / PROCESSES
    cpu, memory = info()
    for number in range(GROUPS):
        listening[0].subscribe(f"earshot__group__earshot.1.resources.document.{number}.viewer")
    cpu_after, memory_after = info()
    found["broker_join"] = (cpu_after - cpu) / GROUPS
    found["broker_group"] = (memory_after - memory) / GROUPS
    for each in listening:
        each.close()


async def measure() -> list[Row]:
    found: Found = {}
    world = await town.made()
    before = await town.in_thread(sizes)()
    found["worker_frame"] = await earshot(world, uvicorn(town.APPLICATION), CROWD)
    await returning(world, found)
    after = await town.in_thread(sizes)()
    for name, label in ROWS.items():
        (size, rows), (size_after, rows_after) = before[label], after[label]
        found[name] = (size_after - size) / (rows_after - rows)
    await idling(found)
    await town.in_thread(tailing)(found)
    await town.in_thread(broker)(found)
    return [Row(title(name), found[name], "", "", None, "") for name in Units.__annotations__]

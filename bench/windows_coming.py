"""What comes to windows: creations and grants, with one window and with a thousand."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from bench import statements, town  # sets Django up
from bench.client import Plan
from bench.figures import Row, spread
from bench.neighbour import committed
from bench.processes import QUIET_TAIL, Clients, Server, clients, server, uvicorn
from bench.subscribers import serialized
from realtime.audit.models import Access
from realtime.audit.viewings import Applied, Viewing
from realtime.models import Held
from resources.models import Document
from tenants.models import Membership, Role, User
from tests.world import World

MODEL: Final = "resources.document"
USERS: Final = 1000
RUNS: Final = 25
"""Over some seconds: a machine is not as fast in each."""
ROWS: Final = 100
"""The rows of a window."""
PATIENT: Final = {"EARSHOT_SOCKETS_PER_USER": "100000", "EARSHOT_FRAMES_PER_SECOND": "1000000"}
QUIET: Final = {
    **QUIET_TAIL,
    "EARSHOT_CHAIN_SECONDS": "600",
    "EARSHOT_SWEEP_SECONDS": "86400",
}
"""Nothing runs but what a change causes: not the chain of what opening wrote, which would count,
nor the sweep, which reads all windows again."""


def opened(name: str = "w", limit: int = ROWS, **more: Any) -> str:
    """What opens a window."""
    return json.dumps({"model": MODEL, "window": name, "limit": limit, **more})


def ledger() -> int:
    """How many rows the ledger has of who could see what."""
    return sum(m.objects.count() for m in (Access, Held, Viewing, Applied))


class Change(NamedTuple):
    """What one change cost: its time and the server's CPU, statements, serializations of the
    writer, and rows of the ledger."""

    seconds: float
    cpu: float
    statements: int
    serializations: float
    rows: int


async def change(under: Server, crowd: Clients, frames: int, write: Callable[[], Any]) -> Change:
    """Write, and wait until the last one has heard of it."""
    before = await town.in_thread(ledger)()
    await town.in_thread(statements.forget)()
    rendered, used = serialized(), under.cpu()
    began = await committed(write)
    seconds, used = await crowd.wait(frames) - began, under.cpu() - used
    ran = await town.in_thread(statements.ran)()
    rows = await town.in_thread(ledger)() - before
    return Change(seconds, used, ran, serialized() - rendered, rows)


def admins(users: list[User], role: str) -> None:
    """Make them admins, who audit every document, or members again."""
    Membership.objects.filter(user__in=users).update(role=role)


async def coming(world: World, users: list[User], team: Any) -> tuple[list[Change], list[Change]]:
    """Creations that all of them see by their role, and grants to their team: each brings a row to
    a window of each."""
    tenant, owner = world.tenants["acme"], world.user("owner")
    others = await town.in_thread(town.documents)(world, RUNS + 1)
    tokens = [await town.in_thread(town.token)(user) for user in users]
    made: tuple[list[Change], list[Change]] = ([], [])
    for kind, found in enumerate(made):
        await town.in_thread(admins)(users, Role.MEMBER if kind else Role.ADMIN)
        async with server(uvicorn(town.APPLICATION), **PATIENT, **QUIET) as under:
            url = f"ws://127.0.0.1:{under.port}/ws/?tenant=acme"
            plan = Plan(url, len(users), tokens=tokens, own=[[opened()]] * len(users))
            async with clients(plan) as crowd:
                await crowd.open()
                await crowd.tell()
                there = 0 if kind else await town.in_thread(count)(world)
                await crowd.wait(len(users) * (there + 1), 240)
                for number in range(RUNS + 1):
                    body = {"title": f"Created {number}", "body": world.document.body}
                    create = partial(Document.objects.create, tenant=tenant, owner=owner, **body)
                    grant = partial(town.share, team, [others[number]])
                    write = grant if kind else create
                    found.append(await change(under, crowd, len(users), write))
    return made[0][1:], made[1][1:]


def count(world: World) -> int:
    """How many documents an admin sees, of those that a window holds."""
    found = Document.objects.filter(tenant=world.tenants["acme"]).count()
    return min(found, ROWS)


async def of_coming(world: World) -> list[Row]:
    """What comes to one window, and to a thousand of a thousand users."""
    first, *users = await town.in_thread(town.readers)(world, USERS + 1)
    few = await coming(world, [first], await town.in_thread(town.team)([first]))
    many = await coming(world, users, await town.in_thread(town.team)(users))
    rows = []
    for what, alone, all_ in zip(("A creation", "A grant to a group"), few, many, strict=True):
        times, cpu = ([each[n] * 1000 for each in all_] for n in range(2))
        took = statistics.median(times)
        how = f"{USERS:,} windows of {USERS:,} users in one uvicorn process, {RUNS} times"
        rows += [
            Row(
                f"{what} with {USERS:,} windows, ms from the commit to the last byte",
                took, spread(times, " ms"), "at most 60", took <= 60, how,
            ),
            Row(
                f"{what} with {USERS:,} windows, ms of the server's CPU",
                statistics.median(cpu), spread(cpu, " ms"), "", None, how,
            ),
            ratio(f"{what} with {USERS:,} windows, queries", "statements", all_, alone),
            ratio(f"{what} with {USERS:,} windows, rows of the ledger", "rows", all_, alone),
        ]  # fmt: skip
    return rows


def ratio(figure: str, of: str, many: list[Change], few: list[Change]) -> Row:
    """How many there are with many windows, to those with one."""
    found = [statistics.median(getattr(each, of) for each in some) for some in (many, few)]
    return Row(
        f"{figure}, to those with 1",
        found[0] / found[1],
        f"{found[0]:g} to {found[1]:g}",
        "1: constant",
        found[0] <= found[1],
        "of writer and server",
    )


async def measure() -> list[Row]:
    return await of_coming(await town.made())

"""Idle: what a process costs whose tenants do nothing, by how many they are.

Each tenant has one user, with one socket that is live on one document. What is measured lasts as
long as the sweep takes to read everything again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench import town  # sets Django up
from bench.client import Plan
from bench.figures import Row
from bench.processes import Server, clients, server, uvicorn
from realtime.publishing.publisher import publisher
from resources.models import Document
from tenants.models import Membership, Tenant, User

TENANTS = 1_000
SETTLED = 30.0
SECONDS = 60.0
GOAL = 2.0
SOCKETS = 300  # of one tenant, on one document
GOAL_OF_ONE = 1.0
MANY = {"EARSHOT_SOCKETS_PER_USER": "1000"}
HOW = f"CPU of the server in {SECONDS:g} s, which is the period of the sweep"


def idlers(count: int) -> tuple[list[str], list[str]]:
    """New tenants with a user and a document each; the users' tokens and the documents' ids."""
    names = [f"idle-{number}" for number in range(count)]
    tenants = Tenant.objects.bulk_create(Tenant(slug=name, name=name) for name in names)
    users = User.objects.bulk_create(User(username=name) for name in names)
    pairs = list(zip(tenants, users, strict=True))
    Membership.objects.bulk_create(Membership(tenant=t, user=u) for t, u in pairs)
    documents = Document.objects.bulk_create(
        Document(tenant=t, owner=u, title="Plan") for t, u in pairs
    )
    publisher.flush(600)  # what it announces would not leave the server idle
    return [town.token(user) for user in users], [town.id_of(each) for each in documents]


async def cost(plan: Callable[[Server], Awaitable[Plan]], goal: float, what: str) -> Row:
    """What a server costs with these sockets, in percent of a core."""
    async with (
        server(uvicorn(town.APPLICATION), **MANY) as under,
        clients(await plan(under)) as crowd,
    ):
        await crowd.open()
        await asyncio.sleep(SETTLED)
        before = under.cpu()
        await asyncio.sleep(SECONDS)
        found = (under.cpu() - before) / SECONDS * 100
    return Row(f"{what}, % of a core", found, "", f"at most {goal:g}", found <= goal, HOW)


async def measure() -> list[Row]:
    world = await town.made()
    tokens, ids = await town.in_thread(idlers)(TENANTS)

    async def many(under: Server) -> Plan:
        url = f"ws://127.0.0.1:{under.port}/ws/"
        return Plan(url, TENANTS, replies=[town.SUBSCRIBE], ids=ids, tokens=tokens)

    async def together(under: Server) -> Plan:
        return await town.plan(world, under.port, SOCKETS)

    return [
        await cost(many, GOAL, f"{TENANTS:,} tenants with a socket each that do nothing"),
        await cost(together, GOAL_OF_ONE, f"{SOCKETS} sockets of one tenant that do nothing"),
    ]

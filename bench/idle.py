"""Idle: what a process costs whose tenants do nothing, by how many they are.

Each tenant has one user, with one socket that is live on one document. What is measured lasts as
long as the sweep takes to read everything again.
"""

from __future__ import annotations

import asyncio

from bench import town  # sets Django up
from bench.client import Plan
from bench.figures import Row
from bench.processes import clients, server, uvicorn
from resources.models import Document
from tenants.models import Membership, Tenant, User

TENANTS = 1_000
SETTLED = 30.0
SECONDS = 60.0
GOAL = 2.0
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
    return [town.token(user) for user in users], [town.id_of(each) for each in documents]


async def measure() -> list[Row]:
    await town.made()
    tokens, ids = await town.in_thread(idlers)(TENANTS)
    async with server(uvicorn(town.APPLICATION)) as under:
        url = f"ws://127.0.0.1:{under.port}/ws/"
        plan = Plan(url, TENANTS, replies=[town.SUBSCRIBE], ids=ids, tokens=tokens)
        async with clients(plan) as crowd:
            await crowd.open()
            await asyncio.sleep(SETTLED)
            before = under.cpu()
            await asyncio.sleep(SECONDS)
            cost = (under.cpu() - before) / SECONDS * 100
    what = f"{TENANTS:,} tenants with a socket each that do nothing, % of a core"
    return [Row(what, cost, "", f"at most {GOAL:g}", cost <= GOAL, HOW)]

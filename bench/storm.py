"""A reconnect storm: after a restart thousands of sockets come back, each with four subscriptions.

Beside it one subscription is read at a time, as a server without rounds does it. Everybody
subscribes at once when all are connected, so that connecting is not what is measured. No two
sockets of a user ask for the same document.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from bench import statements, town  # sets Django up
from bench.charts import bars
from bench.client import Plan
from bench.figures import Row
from bench.processes import clients, server, uvicorn
from tests.world import World

SOCKETS = 5000
ALONE = 250  # sockets for which one by one is measured
EACH = 4
USERS = 500
DOCUMENTS = 2000


class Storm(NamedTuple):
    """Seconds to connect, then to subscribe, the subscriptions, and the database's statements."""

    connecting: float
    subscribing: float
    subscriptions: int
    statements: int

    @property
    def rate(self) -> float:
        """Subscriptions a second."""
        return self.subscriptions / self.subscribing


def asks(ids: list[str], number: int) -> list[str]:
    """What one socket subscribes to."""
    turn = number // USERS
    part = len(ids) // EACH
    return [
        json.dumps(
            {"model": "resources.document", "id": ids[(number + turn + k * part) % len(ids)]}
        )
        for k in range(turn, turn + EACH)
    ]


async def storm(tokens: list[str], ids: list[str], sockets: int, **limits: str) -> Storm:
    """Start a server, connect all, and let all subscribe at once."""
    own = [asks(ids, number) for number in range(sockets)]
    async with server(uvicorn(town.APPLICATION), **limits) as under:
        url = f"ws://127.0.0.1:{under.port}/ws/?tenant=acme"
        plan = Plan(url, sockets, tokens=tokens, own=own)
        async with clients(plan) as crowd:
            connecting = await crowd.open()
            await town.in_thread(statements.forget)()
            began = await crowd.tell()
            subscribing = await crowd.wait(sockets * EACH, 240) - began
            ran = await town.in_thread(statements.ran)()
    return Storm(connecting, subscribing, sockets * EACH, ran)


def peopled(world: World) -> tuple[list[str], list[str]]:
    """The tokens of many readers, and the ids of many documents that all of them may view."""
    readers = town.readers(world, USERS)
    documents = town.documents(world, DOCUMENTS)
    town.share(town.team(readers), documents)
    return [town.token(reader) for reader in readers], [town.id_of(each) for each in documents]


async def measure() -> list[Row]:
    world = await town.made()
    tokens, ids = await town.in_thread(peopled)(world)
    await storm(tokens, ids, ALONE)  # the server before the restart
    together = await storm(tokens, ids, SOCKETS)
    alone = await storm(tokens, ids, ALONE, EARSHOT_ROUND_SIZE="1")
    how = (
        f"{SOCKETS} sockets of {USERS} users, {EACH} of {DOCUMENTS} documents each, all at once; "
        f"one by one: EARSHOT_ROUND_SIZE=1, {ALONE} sockets; PostgreSQL, one uvicorn process"
    )
    labels, rates = ["in rounds", "one by one"], [together.rate, alone.rate]
    bars("storm", "subscriptions a second after a restart", labels, {"a second": rates})
    ratio = together.rate / alone.rate
    each = together.statements / together.subscriptions * 100
    return [
        Row(
            "Subscriptions a second, to one by one",
            ratio,
            f"{together.rate:,.0f} to {alone.rate:,.0f}; all were there after "
            f"{together.subscribing:.1f} s",
            "at least 10",
            ratio >= 10,
            how,
        ),
        Row(
            "Queries for 100 subscriptions",
            each,
            f"one by one: {alone.statements / alone.subscriptions * 100:.0f}",
            "at most 15",
            each <= 15,
            "counted by pg_stat_statements, all of the server's, without BEGIN and the like",
        ),
        Row(
            "Connections a second, with their credentials",
            SOCKETS / together.connecting,
            f"{SOCKETS} in {together.connecting:.1f} s, 50 at a time",
            "",
            None,
            "",
        ),
    ]

"""CPU of a GET and of a PATCH over REST, beside the same view of a plain project without push.

That one is DRF with knox's tokens and guardian's `has_perm`, on a copy of the documents' table.
The two servers take turns; a socket listens to what Earshot's PATCH writes.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.plain.capture_settings")

import django

django.setup()

from django.db import connection  # noqa: E402  (needs the settings)
from guardian.shortcuts import assign_perm  # noqa: E402

from bench import town  # noqa: E402
from bench.figures import Row, spread  # noqa: E402
from bench.plain import models as plain  # noqa: E402
from bench.plain import tables  # noqa: E402
from bench.processes import Server, clients, server, uvicorn  # noqa: E402
from tests.world import World  # noqa: E402

TURNS = 8
REQUESTS = 200  # of each in a turn
GOALS = {"GET": 1.0, "PATCH": 1.3}
HOW = f"{TURNS} turns of {REQUESTS} each, one uvicorn process each, PostgreSQL, one socket listens"

Turn = Callable[[str], float]


def requests(under: Server, url: str, headers: Mapping[str, str]) -> Turn:
    """Sends requests of a method to a document; milliseconds of the server's CPU for one."""
    asking = http.client.HTTPConnection("127.0.0.1", under.port)

    def turn(method: str) -> float:
        asking.close()  # a server closes what was idle during the other's turn
        began = under.cpu()
        for number in range(REQUESTS):
            body = None if method == "GET" else json.dumps({"title": f"Title {number} {began}"})
            asking.request(method, url, body, dict(headers))
            answer = asking.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise OSError(f"{method} {url}: {answer.status}: {text!r}")
        asking.close()  # while the other takes its turn, the server would
        return (under.cpu() - began) / REQUESTS * 1000

    return turn


def prepare(world: World) -> int:
    """A document of the plain project, which its owner may see and change; its key."""
    tables.make(connection)
    owner = world.user("owner")
    fields = {"tenant": world.tenants["acme"], "owner": owner, "body": world.document.body}
    document = plain.Document._default_manager.create(title="Title", **fields)
    for action in ("view", "change"):
        assign_perm(f"{action}_document", owner, document)
    return int(document.pk)


def taken(earshot: Turn, django: Turn) -> dict[str, tuple[list[float], list[float]]]:
    """All turns of each method, by each."""
    found: dict[str, tuple[list[float], list[float]]] = {"GET": ([], []), "PATCH": ([], [])}
    for turn in range(-1, TURNS):
        for method, times in found.items():
            for ask, its in zip((earshot, django), times, strict=True):
                took = ask(method)
                if turn >= 0:  # the first turn warms up
                    its.append(took)
    return found


def row(method: str, earshot: list[float], django: list[float]) -> Row:
    """The ratio of one method."""
    ratio = statistics.median(earshot) / statistics.median(django)
    return Row(
        f"{method} over REST, CPU, to plain DRF with knox and has_perm",
        ratio,
        f"{spread(earshot, digits=2)} to {spread(django, ' ms', 2)}",
        f"at most {GOALS[method]:g}",
        ratio <= GOALS[method],
        HOW,
    )


async def measure() -> list[Row]:
    world = await town.made()
    pk = await town.in_thread(prepare)(world)
    token = await town.in_thread(world.token)("owner")
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    ours = {"DJANGO_SETTINGS_MODULE": "bench.settings", "EARSHOT_REQUESTS_PER_MINUTE": "1000000"}
    theirs = {"DJANGO_SETTINGS_MODULE": "bench.plain.rest_settings"}
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        earshot = await enter(server(uvicorn(town.APPLICATION), **ours))
        django_ = await enter(server(uvicorn("bench.plain.asgi:application"), **theirs))
        crowd = await enter(clients(await town.plan(world, earshot.port, 1)))
        await crowd.open()
        found = await town.in_thread(taken)(
            requests(earshot, world.url, {**headers, "X-Tenant": "acme"}),
            requests(django_, f"/documents/{pk}/", headers),
        )
    return [row(method, *times) for method, times in found.items()]

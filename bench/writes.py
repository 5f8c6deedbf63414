"""What notifications add to a PATCH over REST.

With and without take turns in one run, on documents of their own in one PostgreSQL.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing

from bench import town  # sets Django up
from bench.figures import Row
from bench.processes import clients, server, uvicorn
from bench.soak.verdict import percentile
from resources.models import Document
from tenants import opaque
from tests.world import World

TURNS = 10
WRITES = 100  # of each in a turn

Write = Callable[[str], object]


def milliseconds(write: Write, turn: str) -> list[float]:
    """How long each of some writes took its caller."""
    found = []
    for number in range(WRITES):
        began = time.perf_counter()
        write(f"{turn} {number}")
        found.append((time.perf_counter() - began) * 1000)
    return found


def patch(connection: http.client.HTTPConnection, document: Document, token: str) -> Write:
    """Changes a document's title over REST."""
    url = f"/api/documents/{opaque.encode(Document, document.pk)}/"
    headers = {
        "Authorization": f"Token {token}", "X-Tenant": "acme", "Content-Type": "application/json",
    }  # fmt: skip

    def write(title: str) -> None:
        connection.request("PATCH", url, json.dumps({"title": title}), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{answer.status}: {body!r}")

    return write


def patches(world: World, ports: list[int]) -> tuple[list[float], list[float]]:
    """PATCHes to the server that notifies and to the one that does not."""
    token = world.token("owner")
    told, untold = (http.client.HTTPConnection("127.0.0.1", port) for port in ports)
    with closing(told), closing(untold):
        writes = [patch(told, world.document, token), patch(untold, world.create(), token)]
        with_, without = [], []
        for turn in range(-1, TURNS):
            with_ += milliseconds(writes[0], f"{turn}")
            without += milliseconds(writes[1], f"{turn}")
    return with_[WRITES:], without[WRITES:]


def rows(what: str, with_: list[float], without: list[float], how: str) -> list[Row]:
    """The two ratios; what has no `how` has no goal."""
    found = []
    for share, at_most in ((0.5, 1.5), (0.99, 2.0)):
        told, untold = percentile(with_, share), percentile(without, share)
        figure = f"{what}, p{share * 100:.0f}, to the same without notifications"
        of = f"{told:.2f} to {untold:.2f} ms"
        ratio = told / untold
        goal = f"at most {at_most:g}" if how else ""
        found.append(Row(figure, ratio, of, goal, ratio <= at_most if how else None, how))
    return found


async def measure() -> list[Row]:
    world = await town.made()
    how = f"{TURNS * WRITES} of each in turn, PostgreSQL, commits on disk"
    limits = {"EARSHOT_REQUESTS_PER_MINUTE": "1000000"}
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        told = await enter(server(uvicorn(town.APPLICATION), **limits))
        untold = await enter(server(uvicorn("bench.silent:application"), **limits))
        crowd = await enter(clients(await town.plan(world, told.port, 1)))
        await crowd.open()
        told_ms, untold_ms = await town.in_thread(patches)(world, [told.port, untold.port])
    return rows("PATCH over REST", told_ms, untold_ms, f"{how}; one socket listens")

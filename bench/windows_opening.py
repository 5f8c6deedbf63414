"""Opening windows: after a restart all sockets come back, each with a list of a hundred rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import statements, town  # sets Django up
from bench.client import Plan
from bench.figures import Row
from bench.processes import clients, server, uvicorn
from realtime.publishing.publisher import publisher
from resources.models import Document
from tenants.models import User
from tests.world import World

if TYPE_CHECKING:
    from rest_framework.test import APIClient

MODEL = "resources.document"
SOCKETS = 1000
ALONE = 20  # sockets for which one by one is measured
ROWS = 100
PAYLOAD = 560  # bytes
USERS = 100
LIMITS = {"EARSHOT_FRAMES_PER_SECOND": "1000000", "EARSHOT_SOCKETS_PER_USER": "100000"}


class Opening(NamedTuple):
    """Rows a second, bytes of the frames, and the database's statements."""

    rate: float
    bytes: int
    statements: int


async def opened(
    tokens: list[str], own: list[list[str]], answers: int, rows: int, **limits: str
) -> Opening:
    """Start a server, connect all, and let all ask at once."""
    async with server(uvicorn(town.APPLICATION), **LIMITS, **limits) as under:
        url = f"ws://127.0.0.1:{under.port}/ws/?tenant=acme"
        async with clients(Plan(url, len(own), tokens=tokens, own=own)) as crowd:
            await crowd.open()
            await town.in_thread(statements.forget)()
            began = await crowd.tell()
            seconds = await crowd.wait(answers, 240) - began
            ran = await town.in_thread(statements.ran)()
            return Opening(rows / seconds, crowd.bytes, ran)


def listed(rest: APIClient) -> Any:
    """The first page of the list."""
    return rest.get("/api/documents/", {"limit": ROWS}, headers={"host": "localhost"}).json()


def padded(rest: APIClient, made: list[Document]) -> None:
    """Make the payloads of these documents as long as is wanted."""
    size = len(json.dumps(listed(rest)["results"][0], separators=(",", ":")))
    body = made[0].body + "." * (PAYLOAD - size)
    Document.objects.filter(tenant=made[0].tenant_id, pk__in=[d.pk for d in made]).update(body=body)
    publisher.flush(60)


def peopled(world: World) -> tuple[list[User], list[str], dict[str, str]]:
    """Readers who may all view the same documents: these, their ids, and their etags by id."""
    users = town.readers(world, USERS)
    made = town.documents(world, ROWS)
    town.share(town.team(users), made)
    world.users[users[0].username] = users[0]
    rest = world.rest(users[0].username)
    padded(rest, made)
    rows = listed(rest)["rows"]
    return users, [town.id_of(each) for each in made], {row["id"]: row["etag"] for row in rows}


async def opening(world: World) -> list[Row]:
    """All at once, with and without payloads that are held; and each row by its id, one by one."""
    users, ids, etags = await town.in_thread(peopled)(world)
    tokens = [await town.in_thread(town.token)(user) for user in users]
    ask = {"model": MODEL, "window": "w", "limit": ROWS}
    bare, having = json.dumps(ask), json.dumps({**ask, "have": etags})
    singles = [json.dumps({"model": MODEL, "id": id}) for id in ids]
    frames = SOCKETS * (ROWS + 1)
    await opened(tokens, [[bare]] * ALONE, ALONE * (ROWS + 1), 1)  # the server before the restart
    together = await opened(tokens, [[bare]] * SOCKETS, frames, SOCKETS * ROWS)
    again = await opened(tokens, [[having]] * SOCKETS, frames, SOCKETS * ROWS)
    alone = await opened(
        tokens, [singles] * ALONE, ALONE * ROWS, ALONE * ROWS, EARSHOT_ROUND_SIZE="1"
    )
    ratio, share = together.rate / alone.rate, again.bytes / together.bytes
    how = (
        f"{SOCKETS:,} sockets of {USERS} users, a window of {ROWS} rows each, all at once after a "
        f"restart; one by one: EARSHOT_ROUND_SIZE=1, {ALONE} sockets, each row by its id"
    )
    return [
        Row(
            "Opening: rows a second, to one by one",
            ratio,
            f"{together.rate:,.0f} to {alone.rate:,.0f}",
            "at least 10",
            ratio >= 10,
            how,
        ),
        Row(
            "Opening with payloads that are held: bytes, to those without",
            share,
            f"{again.bytes / 1e6:.1f} to {together.bytes / 1e6:.1f} MB, {PAYLOAD} bytes a payload",
            "at most 1/4",
            share <= 1 / 4,
            f"`have` names all rows; {again.rate:,.0f} rows a second",
        ),
        Row(
            "Opening: queries for 100 rows",
            together.statements / (SOCKETS * ROWS) * 100,
            f"one by one: {alone.statements / (ALONE * ROWS) * 100:.0f}",
            "",
            None,
            "counted by pg_stat_statements, all of the server's, without BEGIN and the like",
        ),
    ]


async def measure() -> list[Row]:
    return await opening(await town.made())

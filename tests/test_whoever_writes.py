"""Every captured row by every way to write: no byte reaches who lost, and gains and changes arrive.

Where there is a broker two server processes have the sockets, and a third process or another
program writes; else one process does it all. `WRITES` says how many cases are played (0: each by
every way), `WRITES_SEED` which, and `WRITES_OF` words that their names have.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from random import Random
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from project.asgi import application
from realtime.capture.installing import install, wanted
from tests.announced import announced
from tests.client import SocketClient, in_thread
from tests.databases import BROKER
from tests.hiding import SETTINGS, hiding
from tests.live import LiveServer, live_server
from tests.realtime.capture.ways import Write
from tests.streams import communicator
from tests.whoever_case import GONE, Case
from tests.whoever_gains import CHANGES, GAINS
from tests.whoever_keyed import KEYED, KEYED_CHANGES, KEYED_LOSSES
from tests.whoever_listed import LISTED, LISTED_CHANGES, LISTED_LOSSES, installed
from tests.whoever_loses import LOSSES
from tests.whoever_scene import Scene, id_of, key_of
from tests.whoever_ways import EVERY_WAY, every_way_of
from tests.whoever_wire import Wire

__all__ = ["installed"]

pytestmark = pytest.mark.django_db(transaction=True)

OURS = {**LOSSES, **GAINS, **CHANGES}
THEIRS = {**KEYED, **LISTED}
CASES = {**OURS, **THEIRS}
ALL_LOSSES = {**LOSSES, **KEYED_LOSSES, **LISTED_LOSSES}
ALL_CHANGES = {**CHANGES, **KEYED_CHANGES, **LISTED_CHANGES}
SEED = int(os.environ.get("WRITES_SEED", "1"))
HOW_MANY = int(os.environ.get("WRITES", "14"))
WORDS = os.environ.get("WRITES_OF", "")
SOON = {"tail_seconds": 0.1, "sweep_seconds": 3600.0}
"""What another program writes is found soon, and nothing is found by the sweep."""

WITNESSES = {"owner": "owner", "heir": "viewer"}
"""What a witness sees before; of models of other kinds they are called otherwise."""
KEYED_WITNESSES = {"owner": "keeper", "heir": "looker"}


class Door:
    """By which sockets come in: a server process, or this one."""

    def __init__(self, server: LiveServer | None = None) -> None:
        self.server = server

    def client(self, scene: Scene, username: str) -> SocketClient:
        """Of a person of the scene, with their token; the reader may have a session instead."""
        host = "testserver" if self.server is None else self.server.url.removeprefix("http://")
        headers = {"authorization": f"Token {scene.texts[username]}"}
        if username == "reader" and scene.key:
            headers = {"origin": f"http://{host}", "cookie": f"sessionid={scene.key}"}
        client = SocketClient(None)
        if self.server:
            client.communicator = Wire(self.server, scene.place.slug, headers)
        else:
            raw = [(k.encode(), v.encode()) for k, v in {"host": host, **headers}.items()]
            path = f"/ws/?tenant={scene.place.slug}"
            client.communicator = communicator(application, path, raw)
        return client


class Play:
    """One case, written in one way, with a reader's and a witness's socket at each door."""

    def __init__(self, doors: Sequence[Door], name: str, sockets: AsyncExitStack) -> None:
        self.doors, self.name, self.sockets = doors, name, sockets
        self.case: Case = CASES[name]
        self.scene: Scene
        self.write: Write

    def prepare(self) -> list[str]:
        """Make the scene, and say by what ways the case can be written."""
        self.scene = Scene()
        self.case.before(self.scene)
        self.write = self.case.write(self.scene)
        self.cascade = self.case.cascade(self.scene) if self.case.cascade else None
        self.target = self.case.of(self.scene)
        announced()
        if self.case.only:
            return [way for way in self.case.only if way in EVERY_WAY]
        return [*every_way_of(self.write), *(["cascade"] if self.cascade else [])]

    async def run(self, way: str) -> None:
        """Write, and hold what comes against the case."""
        how = self.cascade if way == "cascade" and self.cascade else self.write
        self.change = lambda: EVERY_WAY[way](how)
        if self.name in ALL_LOSSES:
            await self.lose(emptied=way == "TRUNCATE")
        else:
            readers = await (self.see() if self.name in ALL_CHANGES else self.gain())
            canary = await in_thread(self.scene.canary)("title")
            for reader in readers if self.target == key_of(self.scene.thing) else ():
                await until(reader, lambda frame: canary in json.dumps(frame))

    async def look(self, client: SocketClient) -> str | None:
        """Come in and subscribe; as what the object is seen, if at all."""
        await client.__aenter__()
        self.sockets.push_async_callback(leave, client)
        if "close" in await client.receive():
            return None
        return await self.subscribe(client)

    async def subscribe(self, client: SocketClient) -> str | None:
        answer = await client.subscribe(id_of(self.target), self.target.model)
        audience: str | None = answer.get("audience")
        return audience

    async def come(self, username: str, sees: str | None) -> list[SocketClient]:
        """Sockets of this person, one at each door, who sees the object so."""
        clients = [door.client(self.scene, username) for door in self.doors]
        assert [await self.look(client) for client in clients] == [sees] * len(clients)
        return clients

    async def lose(self, *, emptied: bool) -> None:
        case, heard = self.case, self.case.heard
        readers = await self.come("reader", case.sees)
        witnesses = []
        if case.witness and not emptied:
            seen = WITNESSES if self.name in OURS else KEYED_WITNESSES
            witnesses = await self.come(case.witness, seen[case.witness])
        canary = await in_thread(self._write_and_canary)()
        for reader in readers:
            frames = await until(reader, lambda frame: is_told(frame, heard))
            assert canary not in json.dumps(frames)
        for witness in witnesses:
            await until(witness, lambda frame: canary in json.dumps(frame))
        for reader in readers:
            if not isinstance(heard, int):
                await reader.send({"action": "ping", "ref": "after"})
                assert await until(reader, lambda f: f.get("ref") == "after") == [
                    {"type": "PONG", "ref": "after"}
                ]
        now = heard if isinstance(heard, str) and heard != GONE else None
        for door in self.doors:
            assert await self.look(door.client(self.scene, "reader")) == now

    def _write_and_canary(self) -> str:
        self.change()
        return self.scene.canary(self.case.column)

    async def gain(self) -> list[SocketClient]:
        case = self.case
        assert isinstance(case.heard, str)
        if case.sees in ("out", "unknown"):
            if case.sees == "out":
                await self.come("reader", None)
            await in_thread(self.change)()
            return await self.come("reader", case.heard)
        readers = await self.come("reader", case.sees)
        await in_thread(self.change)()
        for reader in readers:
            if case.sees is None:
                assert await self.subscribe(reader) == case.heard
            else:
                await until(reader, lambda frame: is_told(frame, case.heard))
        return readers

    async def see(self) -> list[SocketClient]:
        heard = self.case.heard
        assert isinstance(heard, dict)
        shown = {k: v.format(number=self.scene.number) for k, v in heard.items()}
        readers = await self.come("reader", self.case.sees)
        await in_thread(self.change)()
        for reader in readers:
            await until(reader, lambda f: shown.items() <= f.get("payload", {}).items())
        return readers

    def restore(self) -> None:
        """Give back what all scenes share."""
        for restore in self.scene.restore:
            restore()


async def leave(client: SocketClient) -> None:
    """Close it. A communicator that waited in vain has cancelled its application."""
    with suppress(asyncio.CancelledError):
        await client.__aexit__()


async def until(client: SocketClient, done: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """The frames up to the one that is waited for."""
    frames = [await client.receive()]
    while not done(frames[-1]):
        assert "close" not in frames[-1], frames
        frames.append(await client.receive())
    return frames


def is_told(frame: dict[str, Any], heard: Any) -> bool:
    """Whether the frame tells of this loss or gain."""
    if isinstance(heard, int):
        return frame.get("close") == heard
    if heard == GONE:
        return frame.get("type", "").startswith("DELETE_")
    return frame.get("type") == "AUDIENCE_CHANGED" and frame["audience"] == heard


def chosen(random: Random) -> list[str]:
    """The names of the cases that are played: half of them of models of other kinds."""
    found = []
    for cases in (OURS, THEIRS):
        names = sorted(name for name in cases if WORDS in name)
        found += random.sample(names, min((HOW_MANY + 1) // 2 or len(names), len(names)))
    return found


async def play(doors: Sequence[Door], name: str, number: int, failures: list[str]) -> int:
    """Play a case in one of its ways, the number-th; in how many it can be."""
    async with AsyncExitStack() as sockets:
        game = Play(doors, name, sockets)
        ways = await in_thread(game.prepare)()
        way = ways[number % len(ways)]
        try:
            await game.run(way)
        except Exception as error:
            failures.append(f"{name}, by {way}: {error!r}"[:2_000])
        finally:
            await in_thread(game.restore)()
    return len(ways)


async def play_all(doors: Sequence[Door], random: Random) -> list[str]:
    """What went wrong, with the case and its way."""
    failures: list[str] = []
    for name in chosen(random):
        if HOW_MANY:
            await play(doors, name, random.randrange(len(EVERY_WAY)), failures)
        else:
            for number in range(1, await play(doors, name, 0, failures)):
                await play(doors, name, number, failures)
    return failures


@pytest.fixture
def doors(installed: None, transactional_db: None, settings: Settings) -> Iterator[list[Door]]:
    """Two server processes where there is a broker; else this one. Documents can be hidden."""
    settings.EARSHOT = {**settings.EARSHOT, **SOON}
    environment: Any = {f"EARSHOT_{name.upper()}": str(value) for name, value in SOON.items()}
    environment["DJANGO_SETTINGS_MODULE"] = SETTINGS
    with ExitStack() as stack:
        stack.enter_context(hiding())
        if not BROKER:
            yield [Door()]
            return
        yield [Door(stack.enter_context(live_server(**environment))) for _ in range(2)]


async def test_whoever_writes_losses_are_told_before_what_follows_and_gains_arrive(
    doors: list[Door],
) -> None:
    random = Random(SEED)
    anchor = await in_thread(Scene)()
    async with doors[0].client(anchor, "owner"):  # keeps the hub
        failures = await play_all(doors, random)
    assert not failures, "\n".join([f"WRITES_SEED={SEED} WRITES={HOW_MANY}", *failures])


NOT_PLAYED = {
    "earshot_realtime_connection": "an administrator closes it, which is nobody's access",
    "resources_profileusergrant": "as documents' grants",
    "resources_profilegroupgrant": "as documents' grants",
    "earshot_permissions_accesschange": "a log",
    "keyed_badge": "as books, of which nobody else can become the owner",
}


def test_every_captured_table_is_written_by_a_case(installed: None) -> None:
    install()  # a test empties the tables
    ours = {case.table: case for case in OURS.values()}
    kinds = {(name.partition(":")[0], case.table): case for name, case in THEIRS.items()}
    played = set()
    for case in (*ours.values(), *(each for (_, what), each in kinds.items() if what not in ours)):
        scene = Scene()
        case.before(scene)
        played.add(case.write(scene).model._meta.db_table)
        for restore in scene.restore:
            restore()
    announced()
    assert {trigger.table for trigger in wanted(connection.vendor)} - played == set(NOT_PLAYED)

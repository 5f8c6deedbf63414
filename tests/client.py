"""A WebSocket client for tests over Channels' communicator; it keeps copies as front ends do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from channels.db import database_sync_to_async

from project.asgi import application
from realtime.hub.hub import Hub
from realtime.hub.per_loop import hubs
from realtime.publishing.publisher import publisher
from realtime.state.due import Due
from realtime.state.index import Index
from realtime.state.subscriptions import Subscription
from tests.documented import rule
from tests.streams import communicator
from tests.world import World

RULE = rule()

in_thread = database_sync_to_async
"""Runs ORM code on a thread and gives its connection back; sync_to_async would keep it."""


class SocketClient:
    """One socket of one user; `frames` are all that came, `copies` what is held by (model, id)."""

    def __init__(self, token: str | None, tenant: str = "acme", query: str = "") -> None:
        headers = [(b"authorization", f"Token {token}".encode())] if token else []
        self.token = token
        path = f"/ws/?tenant={tenant}{query}"
        self.communicator: Any = communicator(application, path, headers)
        self.frames: list[dict[str, Any]] = []
        self.copies: dict[tuple[Any, Any], dict[str, Any]] = {}

    async def __aenter__(self) -> SocketClient:
        accepted, _ = await self.communicator.connect(timeout=5)
        assert accepted
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.communicator.disconnect(timeout=5)

    async def send(self, frame: Any) -> None:
        """Send a frame: a dict as JSON, a str as it is, bytes as a binary frame."""
        if isinstance(frame, bytes):
            await self.communicator.send_to(bytes_data=frame)
        else:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            await self.communicator.send_to(text_data=text)

    async def receive(self) -> dict[str, Any]:
        """The next frame, applied to the copies; a close comes as `{"close": code}`."""
        event = await self.communicator.receive_output(5)
        if event["type"] == "websocket.close":
            return {"close": event["code"]}
        frame: dict[str, Any] = json.loads(event["text"])
        self.frames.append(frame)
        self.apply(frame)
        return frame

    async def receive_until_close(self) -> int:
        """The close code; what comes before it is applied."""
        while "close" not in (frame := await self.receive()):
            pass
        return int(frame["close"])

    async def receive_until(self, type: str) -> dict[str, Any]:
        """The next frame of this type; what comes before it is applied."""
        while (frame := await self.receive()).get("type") != type:
            assert "close" not in frame, frame
        return frame

    async def subscribe(
        self, id: str, model: str = "resources.document", **more: Any
    ) -> dict[str, Any]:
        """Subscribe and return the answer."""
        await self.send({"model": model, "id": id, "ref": "s", **more})
        while (frame := await self.receive()).get("ref") != "s":
            assert "close" not in frame, frame
        return frame

    async def settle(self) -> list[dict[str, Any]]:
        """Everything that has come once all that was committed has been delivered."""
        await quiet()
        return await self.come()

    async def come(self) -> list[dict[str, Any]]:
        """Everything that has come: the answer to a ping stands behind it."""
        await self.send({"action": "ping", "ref": "settled"})
        got = []
        while (frame := await self.receive()).get("ref") != "settled":
            got.append(frame)
            if "close" in frame:
                break
        return got

    def apply(self, frame: dict[str, Any]) -> None:
        """The client's rule, as the protocol has it."""
        RULE(self.copies, frame)


async def settled(sockets: Mapping[str, SocketClient]) -> dict[str, list[dict[str, Any]]]:
    """Everything that has come to each once all that was committed has been delivered."""
    await quiet()
    return {name: await socket.come() for name, socket in sockets.items()}


@asynccontextmanager
async def subscribed(world: World, username: str) -> AsyncIterator[SocketClient]:
    """A user's socket with a live subscription of the world's document."""
    async with await in_thread(connect)(world, username) as socket:
        assert (await socket.subscribe(world.id))["type"] == "SUBSCRIBED"
        await first_look()
        await quiet()
        yield socket


@asynccontextmanager
async def registered(world: World, username: str) -> AsyncIterator[SocketClient]:
    """A user's socket without subscriptions, after the round that looked at its credential."""
    async with await in_thread(connect)(world, username) as socket:
        await socket.receive_until("WELCOME")
        await first_look()
        await quiet()
        yield socket


async def first_look() -> None:
    """Wait until the hub's tail has begun: later, it would notice by itself what a test holds."""
    hub = hubs.current()
    while hub is not None and hub.tail.marks is None:
        await hub.run(int)


class Marker:
    """Stands in a hub's rounds for a tenant that does not exist, and hears when it is noticed."""

    def __init__(self) -> None:
        self.passed = asyncio.Event()
        self.index = Index(Due())

    def notice(self, revision: int) -> None:
        self.passed.set()

    def ask(self, subscriptions: list[Subscription]) -> None:
        """Nobody is in the index, so nobody is asked for."""

    def ask_all(self) -> None:
        """There is nothing to read."""

    def retry(self) -> None:
        """Nothing was to be repaired. Without this the tail's look fails, and the next is far."""

    async def close(self) -> None:
        """The hub stops with its last socket: nothing more will pass."""
        self.passed.set()


async def quiet(hub: Hub | None = None) -> None:
    """Wait until everything committed is announced, and the hub has done what follows."""
    await asyncio.to_thread(publisher.flush)
    hub = hub or hubs.current()
    if hub is None:
        return
    marker = Marker()
    hub.rounds[-1] = marker  # type: ignore[assignment]
    layer: Any = hub._layer
    await layer.send(hub.groups.channel, {"type": "hub.notice", "tenant": -1, "revision": 0})
    # A hub that is just stopping, because its last socket went, receives nothing any more.
    passed = asyncio.ensure_future(marker.passed.wait())
    await asyncio.wait({passed, *hub._tasks}, return_when=asyncio.FIRST_COMPLETED)
    passed.cancel()
    del hub.rounds[-1]
    while tasks := {
        *hub.groups._tasks,
        *(t for r in hub.rounds.values() for t in r.tasks()),
        *([hub.ledger.task] if hub.ledger.task else []),
    }:
        await asyncio.wait(tasks)
    if not publisher.flush(0):  # a repair, or what shows the changed row
        await quiet(hub)


def connect(world: World, username: str, tenant: str = "acme", query: str = "") -> SocketClient:
    """A socket of a user of the world, with a new token."""
    return SocketClient(world.token(username), tenant, query)

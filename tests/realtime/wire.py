"""The server's side of a WebSocket, with gates: clients that take nothing, or go at any moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any

from pytest_django import Settings

from project.asgi import application
from realtime.hub.hub import Hub
from realtime.hub.per_loop import hubs
from tests.client import SocketClient, connect, in_thread
from tests.world import World


class Wire:
    """Runs the application for one socket; sends of events in `stuck` hang, in `failing` raise.

    It is its own `transport`, as a server's protocol has one, unless it `gives_transport` not.
    """

    def __init__(self, token: str, query: str = "tenant=acme") -> None:
        self.scope = {
            "type": "websocket",
            "path": "/ws/",
            "query_string": query.encode(),
            "headers": [(b"authorization", f"Token {token}".encode())],
        }
        self.gives_transport = True
        self._closing = False
        self.wanted_transport = asyncio.Event()
        self.aborted = asyncio.Event()
        self.stuck: set[str] = set()
        self.failing: dict[str, Exception] = {}
        self._gone = asyncio.Event()
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Wire:
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(application(self.scope, self._inbox.get, self.send))
        assert (await self.event())["type"] == "websocket.accept"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.hang_up()
        if error is not None:
            self.task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.task, 5)

    async def send(self, event: dict[str, Any]) -> None:
        """What the application calls; servers give it away bound, and so their transport."""
        self._closing |= event["type"] == "websocket.close"
        if event["type"] in self.stuck:
            await self._gone.wait()
        if self._gone.is_set():
            raise ConnectionResetError
        if event["type"] in self.failing:
            raise self.failing[event["type"]]
        self._sent.put_nowait(event)

    @property
    def transport(self) -> Wire | None:
        """What the application may abort."""
        if self._closing:  # before, it is only asked how much it holds
            self.wanted_transport.set()
        return self if self.gives_transport else None

    def get_write_buffer_size(self) -> int:
        """Nothing of it is ever taken."""
        return 2**16

    def abort(self) -> None:
        """Cut the client off: sends under way fail."""
        self.aborted.set()
        self.hang_up()

    def hang_up(self) -> None:
        """The client is gone."""
        if not self._gone.is_set():
            self._gone.set()
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def push(self, *frames: Any) -> None:
        """Frames of the client that all lie there when the application looks."""
        for frame in frames:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    async def event(self) -> dict[str, Any]:
        """The next event of the application's."""
        return await asyncio.wait_for(self._sent.get(), 5)

    async def frame(self) -> dict[str, Any]:
        """The next frame, or `{"close": code}`."""
        event = await self.event()
        if event["type"] == "websocket.close":
            return {"close": event["code"]}
        frame: dict[str, Any] = json.loads(event["text"])
        return frame


async def token(world: World, username: str) -> str:
    """A new token of the user's."""
    made: str = await in_thread(world.token)(username)
    return made


async def socket(world: World, username: str, tenant: str = "acme") -> SocketClient:
    """A socket of the user's that is not opened yet."""
    made: SocketClient = await in_thread(connect)(world, username, tenant)
    return made


@asynccontextmanager
async def welcomed(world: World, username: str) -> AsyncIterator[SocketClient]:
    """A socket of the user's in acme that has been welcomed."""
    async with await socket(world, username) as client:
        assert (await client.receive())["type"] == "WELCOME"
        yield client


@asynccontextmanager
async def wired(world: World, username: str = "viewer") -> AsyncIterator[Wire]:
    """The same, with the server's side in our hands."""
    async with Wire(await token(world, username)) as wire:
        assert (await wire.frame())["type"] == "WELCOME"
        yield wire


def limit(settings: Settings, **limits: float) -> None:
    """Set limits for sockets and hubs that begin after this."""
    settings.EARSHOT = {**settings.EARSHOT, **limits}


def the_hub() -> Hub:
    """The hub of this test's loop, while it has sockets."""
    hub = hubs.current()
    assert hub is not None
    return hub

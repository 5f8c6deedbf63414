"""A server that says what a test wants, on the loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

MODEL = "resources.document"
LIMITS = {"frames_per_second": 50.0, "frames_burst": 1000.0, "windows_per_socket": 20}


def welcome(heartbeat: float = 20, **limits: float) -> dict[str, Any]:
    """The first frame; one may come back at once."""
    return {
        "type": "WELCOME",
        "heartbeat": heartbeat,
        "limits": LIMITS | limits,
        "retry": {"min": 0.0, "max": 0.001},
    }


class Line:
    """One connection of the client's."""

    def __init__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.token = connection.request.headers.get("Authorization")
        self.path = connection.request.path
        self._connection = connection

    async def say(self, *frames: dict[str, Any] | str | bytes) -> None:
        for frame in frames:
            is_frame = isinstance(frame, dict)
            await self._connection.send(json.dumps(frame) if is_frame else frame)

    async def hear(self) -> dict[str, Any]:
        """The next frame of the client's."""
        frame: dict[str, Any] = json.loads(await self._connection.recv())
        return frame

    async def close(self, code: int) -> None:
        await self._connection.close(code)

    async def closed(self) -> None:
        await self._connection.wait_closed()

    async def subscribed(self, title: str = "One", etag: str = "e1") -> None:
        """Answer the subscribe that comes next."""
        ref = (await self.hear())["ref"]
        await self.say(state("SUBSCRIBED", title, etag) | {"ref": ref})


def state(kind: str, title: str, etag: str, id: str = "a") -> dict[str, Any]:
    return {"type": kind, "model": MODEL, "id": id, "audience": "viewer", "etag": etag,
            "payload": {"title": title}}  # fmt: skip


class Scripted:
    """The server; each connection is given out once."""

    def __init__(self) -> None:
        self.url = ""
        self._lines: asyncio.Queue[Line] = asyncio.Queue()

    async def line(self) -> Line:
        """The next connection."""
        return await self._lines.get()

    async def handle(self, connection: ServerConnection) -> None:
        self._lines.put_nowait(Line(connection))
        await connection.wait_closed()


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    server = Scripted()
    async with serve(server.handle, "127.0.0.1", 0, ping_interval=None) as served:
        port = next(iter(served.sockets)).getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}/ws/"
        yield server

"""Sockets over uvicorn's own protocol on this loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect

from project.asgi import application
from realtime.transport.on_uvicorn import Protocol
from tests.client import in_thread
from tests.world import World


@asynccontextmanager
async def client(
    world: World, state: ServerState | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """The viewer's socket, welcomed by uvicorn's protocol on this loop."""
    loop = asyncio.get_running_loop()
    config = Config(application, log_config=None, ws_ping_interval=None, ws_max_size=16_384)
    config.load()
    state = state or ServerState()
    server = await loop.create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    headers = {"Authorization": f"Token {await in_thread(world.token)('viewer')}"}
    url = f"ws://127.0.0.1:{port}/ws/?tenant=acme"
    async with server, connect(url, additional_headers=headers, proxy=None, **options) as socket:
        assert (await frame(socket))["type"] == "WELCOME"
        yield socket
    await asyncio.gather(*state.tasks)


async def frame(socket: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    async with asyncio.timeout(10):
        found: dict[str, Any] = json.loads(await socket.recv())
    return found


async def subscribe(socket: ClientConnection, world: World) -> None:
    """Ask for the document."""
    await socket.send(json.dumps({"model": "resources.document", "id": world.id}))

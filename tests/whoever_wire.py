"""A communicator over a real connection."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.live import LiveServer


class Wire:
    """A communicator over a real connection, with the arguments that Channels' has."""

    def __init__(self, server: LiveServer, tenant: str, headers: dict[str, str]) -> None:
        self._url = f"{server.socket_url}?tenant={tenant}"
        self._headers = headers
        self._socket: Any = None

    async def connect(self, timeout: float) -> tuple[bool, None]:  # noqa: ASYNC109
        self._socket = await connect(
            self._url, additional_headers=self._headers, proxy=None, open_timeout=timeout
        )
        return True, None

    async def disconnect(self, timeout: float) -> None:  # noqa: ASYNC109
        await self._socket.close()

    async def send_to(self, text_data: str) -> None:
        await self._socket.send(text_data)

    async def receive_output(self, timeout: float) -> dict[str, Any]:  # noqa: ASYNC109
        try:
            text = await asyncio.wait_for(self._socket.recv(), timeout)
        except ConnectionClosed as closed:
            return {"type": "websocket.close", "code": closed.rcvd and closed.rcvd.code}
        return {"type": "websocket.send", "text": text}

"""Many sockets that only take: `python -m bench.crowd PORT TOKEN TENANT ID COUNT`.

A process of its own, which reads and forgets, so that the client is no bottleneck. It says `ready`
when everybody has a live copy, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from typing import Final

AT_ONCE: Final = 100


def masked(text: str) -> bytes:
    """A client's text frame of fewer than 126 bytes (RFC 6455, section 5.2), its mask all zero."""
    payload = text.encode()
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


class Taker(asyncio.Protocol):
    """One socket: it shakes hands, subscribes, and takes whatever comes."""

    def __init__(self, request: bytes, subscribe: bytes) -> None:
        self._request, self._subscribe = request, subscribe
        self._seen = b""
        self.live = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request + self._subscribe)

    def data_received(self, data: bytes) -> None:
        if not self.live.is_set():
            self._seen += data
            if b'"SUBSCRIBED"' in self._seen:
                self.live.set()


async def main(port: str, token: str, tenant: str, id: str, count: str) -> None:
    loop = asyncio.get_running_loop()
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET /ws/?tenant={tenant} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Token {token}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    request = "\r\n".join([*lines, "", ""]).encode()
    subscribe = masked(json.dumps({"model": "resources.document", "id": id}))
    for start in range(0, int(count), AT_ONCE):
        some = min(AT_ONCE, int(count) - start)
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda: Taker(request, subscribe), "127.0.0.1", int(port))
                for _ in range(some)
            )
        )
        await asyncio.gather(*(taker.live.wait() for _, taker in made))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

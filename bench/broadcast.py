"""A bare broadcast on picows, the least that a server in Python can do: `PORT`."""

from __future__ import annotations

import asyncio
import sys

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

_open: set[WSTransport] = set()


class Everybody(WSListener):
    """What one socket says is sent to every other."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        _open.add(transport)
        transport.send(WSMsgType.TEXT, b"ready")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            text = frame.get_payload_as_bytes()
            for other in _open:
                if other is not transport:
                    other.send(WSMsgType.TEXT, text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        _open.discard(transport)


async def main(port: str) -> None:
    server = await ws_create_server(lambda _: Everybody(), "127.0.0.1", int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

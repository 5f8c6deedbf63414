"""uvicorn's protocol on this loop with an application that takes when it is let; raw clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from realtime.transport.on_uvicorn import Protocol

HANDSHAKE = (
    b"GET /ws/ HTTP/1.1\r\nHost: earshot\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def masked(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """A client's frame."""
    return Frame(opcode, data, fin=fin).serialize(mask=True)


async def until(reached: Callable[[], bool]) -> None:
    """Wait for a state of the protocol's, of which nobody is told."""
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)


class Application:
    """Accepts, and takes each event once `taking` is set; `got` are those that it has taken."""

    def __init__(self) -> None:
        self.taking = asyncio.Event()
        self.taking.set()
        self.got: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.send: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.send = send
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await self.taking.wait()
            event = await receive()
            self.got.append(event)
            self.news.set()
            if event["type"] == "websocket.disconnect":
                return

    async def event(self) -> dict[str, Any]:
        """The next event that it takes and nobody has asked for."""
        while not self.got:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 5)
        return self.got.pop(0)


class Raw:
    """One client's end of the connection, and the server's protocol of it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: Protocol
    ) -> None:
        self.reader, self.writer, self.protocol = reader, writer, protocol

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def frame(self) -> Frame:
        """The next frame of the server's."""
        parser = StreamReader()
        parsing = Frame.parse(parser.read_exact, mask=False)
        while True:
            try:
                next(parsing)
            except StopIteration as found:
                frame: Frame = found.value
                return frame
            parser.feed_data(await asyncio.wait_for(self.reader.readexactly(1), 5))

    async def closed(self) -> int:
        """The code of the next frame, which is a close frame."""
        frame = await self.frame()
        assert frame.opcode is Opcode.CLOSE, frame
        return int(Close.parse(frame.data).code)

    async def pong(self) -> None:
        """Wait until the server has parsed all that was written."""
        self.write(masked(b"here", Opcode.PING))
        frame = await self.frame()
        assert (frame.opcode, bytes(frame.data)) == (Opcode.PONG, b"here")


@asynccontextmanager
async def raw(application: Any, *, headers: bytes = b"", **options: Any) -> AsyncIterator[Raw]:
    """A client whose handshake is done."""
    loop = asyncio.get_running_loop()
    config = Config(application, log_config=None, ws_ping_interval=None, **options)
    config.load()
    made: list[Protocol] = []
    state = ServerState()

    def protocol() -> Protocol:
        made.append(Protocol(config, state, {}))
        return made[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(HANDSHAKE + headers + b"\r\n")
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            yield Raw(reader, writer, made[0])
        finally:
            writer.close()
            await asyncio.gather(*state.tasks)

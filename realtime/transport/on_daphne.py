"""Daphne within bounds, as `python -m project` starts it.

Daphne writes whatever it is given, so a client that takes nothing makes its memory grow. It accepts
messages of 1 MiB, sends none that is larger, and waits for ever for one that does not end.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from daphne.server import Server as DaphneServer
from daphne.ws_protocol import WebSocketProtocol

from realtime.metrics import CLOSES
from realtime.state.codes import Close
from tenants.limits import limits

UNREAD: Final = 64
"""How many messages may wait for the application; then nothing more is read."""

LOOK_SECONDS: Final = 0.05
"""How often to look whether the application has taken them."""


class Outlet:
    """The write side of one socket: Twisted says when its buffer is full, and when it is empty."""

    def __init__(self, transport: Any) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self._transport = transport
        transport.unregisterProducer()  # the HTTP channel, whose connection it was
        transport.registerProducer(self, True)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted calls it
        """The buffer is full."""
        self.writable.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        """The buffer is empty."""
        self.writable.set()

    def stopProducing(self) -> None:  # noqa: N802
        """Release those who wait, and tell them that the client is gone."""
        self.writable.set()

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not taken, as asyncio's transports do."""
        t = self._transport
        held: int = len(t.dataBuffer) - t.offset + t._tempDataLen
        return held

    def abort(self) -> None:
        """Cut the client off."""
        self._transport.abortConnection()


class Response(Outlet):
    """The write side of one response that does not end."""

    def __init__(self, request: Any) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self._transport = request.channel.transport
        request.registerProducer(self, True)


class Protocol(WebSocketProtocol):
    """One socket: what it may take is bounded, what is sent is not."""

    ends_unfinished = True
    outlet: Outlet
    maxMessagePayloadSize: int  # noqa: N815 - autobahn names it
    _deadline: asyncio.TimerHandle | None = None
    _looking: asyncio.TimerHandle | None = None

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        """Take a handshake; from now on a violation is answered with a close code, not a reset."""
        self.outlet = Outlet(self.transport)
        self.failByDrop = False
        return super().onConnect(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Parse; a timer runs while more of a message is expected."""
        super().dataReceived(data)
        if self.state != self.STATE_OPEN or not self._inside_message():
            self._disarm()
        elif self._deadline is None:
            loop = asyncio.get_event_loop()
            self._deadline = loop.call_later(limits()["message_seconds"], self._fail)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        """Take a whole message. When too many are not taken yet, nothing more is read."""
        self._disarm()
        super().onMessage(payload, isBinary)
        if self._looking is None and self.application_queue.qsize() >= UNREAD:
            self.transport.pauseProducing()
            self._look()

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """Answer, unless earlier answers are not taken (RFC 6455, 5.5.3: not each needs one)."""
        if self.outlet.writable.is_set():
            super().onPing(payload)

    def onClose(self, *args: Any) -> None:  # noqa: N802
        """Clear up: the socket is gone."""
        self._disarm()
        if self._looking is not None:
            self._looking.cancel()
        super().onClose(*args)

    def serverSend(self, content: str, binary: bool = False) -> None:  # noqa: N802
        """Send, whatever the size: autobahn has one limit for both directions."""
        most, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = most

    def _inside_message(self) -> bool:
        return bool(self.inside_message or self.current_frame is not None or self.data)

    def _look(self) -> None:
        """Read on when all is taken."""
        self._looking = None
        if self.application_queue.empty():
            self.transport.resumeProducing()
        else:
            self._looking = asyncio.get_event_loop().call_later(LOOK_SECONDS, self._look)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _fail(self) -> None:
        CLOSES.labels(int(Close.TOO_SLOW)).inc()
        self.sendClose(int(Close.TOO_SLOW), "message did not arrive completely in time")


class Server(DaphneServer):
    """Daphne whose sockets are `Protocol`s, and whose `send` waits for the client."""

    def __init__(self, **options: Any) -> None:
        most = limits()["client_frame_bytes"]
        bounds = {"websocket_max_message_size": most, "websocket_max_frame_size": most}
        super().__init__(**options | bounds)

    @property
    def ws_factory(self) -> Any:
        """Return what makes the protocols; Daphne makes it when it runs."""
        return self._ws_factory

    @ws_factory.setter
    def ws_factory(self, factory: Any) -> None:
        factory.protocol = Protocol
        self._ws_factory = factory

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass on an event of the application's; frames, once the client takes them."""
        if isinstance(protocol, Protocol) and message["type"] == "websocket.send":
            await protocol.outlet.writable.wait()
        elif message["type"] == "http.response.body" and protocol.channel is not None:
            await _taken(protocol, more=message.get("more_body", False))
        await super().handle_reply(protocol, message)


async def _taken(request: Any, *, more: bool) -> None:
    """Wait until the client has taken what was sent before of a response in parts."""
    outlet = getattr(request, "outlet", None)
    if outlet is None and more:
        outlet = request.outlet = Response(request)
    if outlet is not None:
        await outlet.writable.wait()
        if not more and request.channel is not None:
            request.unregisterProducer()

"""A WebSocket, from accept to close: the ASGI server's events as a conversation, and as its
transport the server's `send` and the shorter way past it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from realtime.state.codes import Close
from realtime.transport import servers
from realtime.transport.conversation import Conversation
from realtime.transport.servers import server_transport
from realtime.transport.wire import Wire, wire
from tenants.limits import limits as common


class WebSocket:
    """The connection behind an ASGI `send`; texts are taken at once only once `admitted`."""

    __slots__ = ("_send", "_wire")

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._wire: Wire | None = None

    def admitted(self, limits: Mapping[str, Any]) -> None:
        """Look at the server's bounds, and for the way past its `send`: the handshake is done."""
        servers.check(self._send, max(common()["client_frame_bytes"], limits["client_frame_bytes"]))
        self._wire = wire(self._send, preframed=bool(limits["preframed"]))

    @property
    def ready(self) -> bool:
        """Return whether `write_now` would be taken."""
        return self._wire is not None and self._wire.ready

    def write_now(self, text: str) -> None:
        """Send a text without waiting."""
        assert self._wire is not None  # it is ready
        self._wire.write(text)

    async def write(self, text: str) -> None:
        """Send a text by the server's own `send`."""
        await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: Close) -> None:
        """Send a close frame."""
        await self._send({"type": "websocket.close", "code": int(code)})

    def buffered(self) -> int:
        """Return how many bytes the server holds; 0 if it does not say."""
        transport = server_transport(self._send)
        return 0 if transport is None else transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the client off; where the server offers no way to, its pings time out."""
        transport = server_transport(self._send)
        if transport is not None:
            transport.abort()


class EarshotConsumer(AsyncConsumer):
    """A conversation whose frames are those of one WebSocket: accepted always, and perhaps closed
    later."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; an exception ends it, and it alone, with 4500."""
        self.scope = scope
        self.base_send = send
        self.conversation = Conversation(WebSocket(send))
        try:
            while True:
                await self.dispatch(await receive())
                await asyncio.sleep(0)  # however many frames lie there, the others have their turn
        except StopConsumer:
            pass
        except Exception as error:
            await self.conversation.fail(error)
        finally:
            await self.conversation.leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler of a server's event, without Channels' hop to the database thread."""
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        """Accept; then identify the user, and send the welcome or close."""
        await self.base_send({"type": "websocket.accept"})
        await self.conversation.open(self.scope)

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        """Handle one frame of the client."""
        text = message.get("text")
        size = len(message.get("bytes") or b"") if text is None else len(text.encode())
        await self.conversation.take(text, size)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        """Leave the hub: the socket is gone."""
        raise StopConsumer

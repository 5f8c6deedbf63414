"""The consumer: one WebSocket from accept to close. It always accepts, and may close later."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from realtime.transport.conversation import Conversation
from realtime.transport.websocket import WebSocket


class EarshotConsumer(AsyncConsumer):
    """A conversation whose frames are those of one WebSocket."""

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

"""What Earshot's fan-out is measured beside: the usual consumer per group, and a bare loop."""

from __future__ import annotations

import json
from typing import Any

import django

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  (needs the settings)

GROUP = "bench"


class GroupConsumer(AsyncWebsocketConsumer):
    """The usual pattern: each socket joins the group, and serializes each event for itself."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send("ready")

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def document_changed(self, event: dict[str, Any]) -> None:
        await self.send(json.dumps(event["frame"]))


usual = GroupConsumer.as_asgi()

_sends: set[Any] = set()


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """No framework at all: what one socket says is sent to every other, by a loop."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "ready"})
    _sends.add(send)
    while (event := await receive())["type"] == "websocket.receive":
        for other in _sends:
            if other is not send:
                await other({"type": "websocket.send", "text": event["text"]})
    _sends.discard(send)

"""What Earshot's fan-out is measured beside: the ASGI applications of its peers."""

from __future__ import annotations

import json
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peer_settings")

import django

django.setup()

from channels.db import database_sync_to_async  # noqa: E402  (needs the settings)
from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import models  # noqa: E402
from djangochannelsrestframework.generics import GenericAsyncAPIConsumer  # noqa: E402
from djangochannelsrestframework.observer import model_observer  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402

LISTED = 100
"""The rows of a list."""


class GroupConsumer(AsyncJsonWebsocketConsumer):
    """The blog's pattern: each socket joins its object's group, and serializes for itself."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("document", self.channel_name)
        await self.accept()
        await self.send_json({"type": "ready"})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("document", self.channel_name)

    async def document_changed(self, event: dict[str, Any]) -> None:
        await self.send_json(event["frame"])


class Note(models.Model):
    """What djangochannelsrestframework observes: the document's fields."""

    title = models.CharField(max_length=200)
    body = models.TextField()
    status = models.CharField(max_length=20)

    class Meta:
        app_label = "bench"


class NoteSerializer(ModelSerializer):
    class Meta:
        model = Note
        fields = ("id", "title", "body", "status")


class NoteConsumer(GenericAsyncAPIConsumer):
    """djangochannelsrestframework's own example: a model observer with a serializer."""

    async def accept(self, **kwargs: Any) -> None:
        await self.note_changed.subscribe()
        await super().accept(**kwargs)
        await self.send_json({"type": "ready"})

    @model_observer(Note, serializer_class=NoteSerializer)
    async def note_changed(self, message: Any, **kwargs: Any) -> None:
        await self.send_json(message)


class ObjectConsumer(GroupConsumer):
    """The same with many objects: what a client says is the object whose group it joins."""

    async def connect(self) -> None:
        await self.accept()
        await self.send_json({"type": "welcome"})

    async def receive_json(self, content: str, **_: Any) -> None:
        self.group = f"document.{content}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.send_json({"type": "ready"})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)


class RereadingConsumer(GroupConsumer):
    """Each socket reads the object again and serializes it: its reader may see something else."""

    async def document_changed(self, event: dict[str, Any]) -> None:
        await self.send_json(await database_sync_to_async(self._read)())

    def _read(self) -> dict[str, Any]:
        shown: dict[str, Any] = NoteSerializer(Note._default_manager.get(pk=1)).data
        return shown


class RequeryingConsumer(NoteConsumer):
    """Each socket that the observer calls asks for its list again and serializes it."""

    @model_observer(Note, serializer_class=NoteSerializer)
    async def note_changed(self, message: Any, **kwargs: Any) -> None:
        await self.send_json(await database_sync_to_async(self._list)())

    def _list(self) -> list[Any]:
        found = Note._default_manager.order_by("-pk")[:LISTED]
        return list(NoteSerializer(found, many=True).data)


_group = GroupConsumer.as_asgi()
objects = ObjectConsumer.as_asgi()
rereading = RereadingConsumer.as_asgi()
requerying = RequeryingConsumer.as_asgi()
observer = NoteConsumer.as_asgi()
eventstream = get_asgi_application()

_sends: set[Any] = set()


async def blog(scope: Any, receive: Any, send: Any) -> None:
    """The blog's pattern; what is posted is sent to the group, as its view does."""
    if scope["type"] == "http":
        frame = json.loads(await _posted(receive, send))
        layer: Any = get_channel_layer()
        await layer.group_send("document", {"type": "document.changed", "frame": frame})
    else:
        await _group(scope, receive, send)


async def _posted(receive: Any, send: Any) -> str:
    """The body of a request, which is answered."""
    text: str = (await receive())["body"].decode()
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})
    return text


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """No framework at all: what is posted, or said by one socket, is sent to every other."""
    if scope["type"] == "http":
        text = await _posted(receive, send)
        for each in tuple(_sends):
            await each({"type": "websocket.send", "text": text})
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "ready"})
    _sends.add(send)
    while (event := await receive())["type"] == "websocket.receive":
        for other in tuple(_sends):
            if other is not send:
                await other({"type": "websocket.send", "text": event["text"]})
    _sends.discard(send)

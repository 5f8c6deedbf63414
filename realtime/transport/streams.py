"""Conversations over server-sent events, for networks that let no WebSocket pass.

`GET /api/stream/` is the response in which the server's frames come; the client's are bodies of
`POST /api/stream/<connection>/`. Any process may get those: it passes them on to the one that has
the stream, whose channel the stream's secret names.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from channels.layers import get_channel_layer
from django.core import signing
from django.core.exceptions import DisallowedHost

from realtime.failures import log_broken
from realtime.hub.per_loop import hubs
from realtime.state.codes import Close
from realtime.transport.conversation import Conversation
from realtime.transport.event_stream import EventStream, spelled
from tenants.bodies import BoundedBodies, refuse
from tenants.credentials import request_of
from tenants.limits import limits

logger = logging.getLogger(__name__)

ADDRESS: Final = re.compile(r"/api/stream/(?:([^/]+)/)?")
METHODS: Final = {False: "GET", True: "POST"}
SALT: Final = "earshot.stream"
SCHEME: Final = "Stream "
MANY: Final = b"application/x-ndjson"
NO_BODY: Final = (b"content-length", b"0")
END: Final = None

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = Callable[[Any], Mapping[str, str]]
"""Returns what every response carries, for an ASGI scope."""


class Streams:
    """Answers at `/api/stream/`, and hands all else to the application, also the preflights there.

    It stands before whatever replaces the server's `send`, of which it asks how much it holds.
    """

    def __init__(self, application: Any, headers: Headers) -> None:
        self._application = application
        self._headers = headers
        self._take = BoundedBodies(take)

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        found = ADDRESS.fullmatch(scope["path"])
        if found is None or scope["method"] == "OPTIONS":
            await self._application(scope, receive, send)
            return
        headers = spelled({"Cache-Control": "no-store", **self._headers(scope)})
        answer = _with(headers, send)
        method = METHODS[found[1] is not None]
        if not _is_ours(scope):
            await refuse(answer, 400, "Bad request.", "bad_request")
        elif scope["method"] != method:
            detail = f'Method "{scope["method"]}" not allowed.'
            allowing = _with([(b"allow", f"{method}, OPTIONS".encode())], answer)
            await refuse(allowing, 405, detail, "method_not_allowed")
        elif found[1] is None:
            await serve(scope, receive, send, headers)
        else:
            await self._take({**scope, "connection": found[1]}, receive, answer)


def _is_ours(scope: Any) -> bool:
    try:
        request_of(scope).get_host()
    except DisallowedHost:
        return False
    return True


def _with(headers: Iterable[tuple[bytes, bytes]], send: Send) -> Send:
    """Return a `send` that puts these headers on the response."""

    async def send_with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_with_headers


# The stream


class Inbox:
    """The client's frames that wait, and at last `END`; no more of them than of one body."""

    def __init__(self, flooded: Callable[[], object]) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._flooded = flooded
        self._most = limits()["body_bytes"]
        self._held = 0

    def put(self, frames: Iterable[bytes]) -> None:
        """Have these obeyed, in their order."""
        for frame in frames:
            self._held += len(frame)
            self._frames.put_nowait(frame)
        if self._held > self._most:
            self._flooded()

    def end(self) -> None:
        """Have nothing obeyed that comes after this."""
        self._frames.put_nowait(END)

    async def next(self) -> bytes | None:
        """Return the next frame, or `END`."""
        frame = await self._frames.get()
        self._held -= 0 if frame is END else len(frame)
        return frame


async def serve(scope: Any, receive: Any, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    """Serve one stream; an exception ends it, and it alone, with 4500."""
    inbox = Inbox(lambda: conversation.mailbox.close(Close.TOO_MANY))
    if scope["http_version"].startswith("1"):
        headers = [*headers, (b"connection", b"close")]  # it may be cut off when it has ended
    transport = EventStream(send, headers, inbox.end)
    conversation = Conversation(transport, secret_of)
    gone = asyncio.get_running_loop().create_task(_disconnected(receive, inbox.end))
    try:
        await conversation.open(scope)
        if conversation.hub is not None:
            conversation.hub.inboxes[conversation.connection] = inbox.put
            inbox.put(in_query(scope))
        while (frame := await inbox.next()) is not END:
            await conversation.take(frame.decode(errors="surrogateescape"), len(frame))
            await asyncio.sleep(0)  # however many frames lie there, the others have their turn
    except Exception as error:
        await conversation.fail(error)
    finally:
        gone.cancel()
        transport.stop()
        if conversation.hub is not None:
            conversation.hub.inboxes.pop(conversation.connection, None)
        await conversation.leave()


async def _disconnected(receive: Any, end: Callable[[], object]) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    end()


def in_query(scope: Any) -> list[bytes]:
    """Return the frames in a stream's address: each `send=`."""
    return [value.encode() for name, value in parse_qsl(scope["query_string"].decode("latin-1"))
            if name == "send"]  # fmt: skip


# What the client sends


def secret_of(conversation: Conversation) -> str:
    """Return what allows to send frames for a stream, and tells where it is."""
    assert conversation.hub is not None  # it is welcomed there
    most = conversation.limits["client_frame_bytes"]
    place = [conversation.connection, conversation.hub.groups.channel, most]
    return signing.dumps(place, salt=SALT)


def place_of(scope: Any) -> tuple[str | None, int] | None:
    """Return the channel of a stream, and its limit of a frame; None without its secret."""
    given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    if not given.startswith(SCHEME):
        return None
    try:
        connection, channel, most = signing.loads(given.removeprefix(SCHEME), salt=SALT)
    except signing.BadSignature:
        return None
    return (channel, most) if connection == scope["connection"] else None


def frames_of(scope: Any, body: bytes, most: int) -> list[bytes]:
    """Return the frames in a body: the whole of it, or each of its lines. What is too big is cut
    to what is still too big."""
    kind = dict(scope["headers"]).get(b"content-type", b"").split(b";")[0].strip().lower()
    frames = [line for line in body.split(b"\n") if line] if kind == MANY else [body]
    return [frame[: most + 1] for frame in frames]


async def take(scope: Any, receive: Any, send: Send) -> None:
    """Answer a request that brings frames: 202, and what comes of them comes in the stream."""
    body = (await receive())["body"]
    place = place_of(scope)
    if place is None:
        await refuse(send, 401, "Provide the stream's secret.", "not_authenticated")
        return
    channel, most = place
    frames = frames_of(scope, body, most)
    hub = hubs.current()
    if hub is not None and scope["connection"] in hub.inboxes:
        hub.inboxes[scope["connection"]](frames)
    elif channel is None or (hub is not None and channel == hub.groups.channel):
        await refuse(send, 404, "The stream has ended.", "not_found")
        return
    elif not await _passed_on(channel, scope["connection"], frames):
        await refuse(send, 503, "The stream cannot be reached.", "service_unavailable")
        return
    await send({"type": "http.response.start", "status": 202, "headers": [NO_BODY]})
    await send({"type": "http.response.body", "body": b""})


async def _passed_on(channel: str, connection: str, frames: list[bytes]) -> bool:
    message = {"type": "hub.command", "connection": connection, "frames": frames}
    try:
        async with asyncio.timeout(limits()["broker_timeout_seconds"]):
            await get_channel_layer().send(channel, message)
    except Exception as error:  # redis, sockets and layers raise what they like
        log_broken(logger, "Passing on a stream's frames failed", error)
        return False
    return True

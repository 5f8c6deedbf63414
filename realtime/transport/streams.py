"""Conversations over server-sent events, for networks that let no WebSocket pass.

`GET /api/stream/` is the response in which the server's frames come; the client's are bodies of
`POST /api/stream/<connection>/`. Any process may get those: it passes them on to the one that has
the stream, whose channel the stream's secret names.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from channels.layers import get_channel_layer
from django.core import signing
from django.core.exceptions import DisallowedHost
from rest_framework.exceptions import Throttled

from realtime.audit.ledger import is_open
from realtime.failures import log_broken
from realtime.hub.per_loop import hubs
from realtime.state.codes import Close
from realtime.transport import door
from realtime.transport.conversation import Conversation
from realtime.transport.event_stream import EventStream, spelled
from realtime.transport.inbox import END, Inbox
from tenants import opaque
from tenants.bodies import RETRY_SECONDS, BoundedBodies, refuse, with_headers
from tenants.credentials import request_of
from tenants.limits import limits
from tenants.metrics import count_refusal
from tenants.models import Tenant
from tenants.throttling import Minute, count
from tenants.users import User

logger = logging.getLogger(__name__)

ADDRESS: Final = re.compile(r"/api/stream/(?:([^/]+)/)?")
METHODS: Final = {False: "GET", True: "POST"}
SALT: Final = "earshot.stream"
SCHEME: Final = "Stream "
MANY: Final = b"application/x-ndjson"
NO_BODY: Final = (b"content-length", b"0")
LIMITS: Final = ("client_frame_bytes", "frames_burst", "requests_per_minute")
REFUSED: Final[dict[int, tuple[str, str, int | None]]] = {
    404: ("The stream has ended.", "not_found", None),
    503: ("The stream cannot be reached.", "service_unavailable", RETRY_SECONDS),
}
"""What is answered, by the status, to frames that do not reach their stream."""


Send = Callable[[dict[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]
Headers = Callable[[Any, bytes], Mapping[str, str]]
"""Returns what every response carries, for an ASGI scope and the body of an error."""


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

        def headers(error: bytes = b"") -> list[Header]:
            return spelled({"Cache-Control": "no-store", **self._headers(scope, error)})

        answer = with_headers(send, lambda start, error: [*start["headers"], *headers(error)])
        method = METHODS[found[1] is not None]
        if not _is_ours(scope):
            await refuse(answer, 400, "Bad request.", "bad_request")
        elif scope["method"] != method:
            detail = f'Method "{scope["method"]}" not allowed.'
            allowed = (b"allow", f"{method}, OPTIONS".encode())
            allowing = with_headers(answer, lambda start, _: [*start["headers"], allowed])
            await refuse(allowing, 405, detail, "method_not_allowed")
        elif found[1] is None:
            await serve(scope, receive, send, headers)
        else:
            await self._admit({**scope, "connection": found[1]}, receive, answer)

    async def _admit(self, scope: Any, receive: Any, send: Send) -> None:
        """Look at the secret and the user's limit; only then read the body."""
        place = place_of(scope)
        if place is None:
            await refuse(send, 401, "Provide the stream's secret.", "not_authenticated")
        elif (seconds := _throttled(place)) is not None:
            await refuse(send, 429, str(Throttled(seconds).detail), "throttled", seconds)
        else:
            await self._take({**scope, "place": place}, receive, send)


def _is_ours(scope: Any) -> bool:
    try:
        request_of(scope).get_host()
    except DisallowedHost:
        return False
    return True


# The stream


async def serve(
    scope: Any, receive: Any, send: Send, headers: Callable[[bytes], list[Header]]
) -> None:
    """Serve one stream; an exception ends it, and it alone, with 4500."""
    inbox = Inbox(lambda: conversation.mailbox.close(Close.TOO_MANY))
    # It may be cut off when it has ended.
    closing = [(b"connection", b"close")] if scope["http_version"].startswith("1") else []
    transport = EventStream(send, lambda error: [*headers(error), *closing], inbox.end)
    conversation = Conversation(transport, secret_of)
    gone = asyncio.get_running_loop().create_task(_disconnected(receive, inbox.end))
    hub = None
    try:
        await conversation.open(scope)
        hub = conversation.hub  # which it leaves as soon as it is closed
        if hub is not None:
            hub.inboxes[conversation.connection] = inbox.put
            inbox.put(in_query(scope))
        while (frame := await inbox.next()) is not END:
            await conversation.take(frame.decode(errors="surrogateescape"), len(frame))
            await asyncio.sleep(0)  # however many frames lie there, the others have their turn
    except Exception as error:
        await conversation.fail(error)
    finally:
        gone.cancel()
        transport.stop()
        if hub is not None:
            del hub.inboxes[conversation.connection]
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


class Place(NamedTuple):
    """What a stream's secret says: where it is, since when, whose, and with which limits."""

    connection: str
    channel: str | None
    since: float
    tenant: str
    user: str
    client_frame_bytes: int
    frames_burst: int
    requests_per_minute: int


def secret_of(conversation: Conversation) -> str:
    """Return what allows to send frames for a stream, and tells where it is."""
    hub, socket = conversation.hub, conversation.socket
    assert hub is not None  # it is welcomed there
    assert socket is not None
    place = Place(
        conversation.connection,
        hub.groups.channel,
        round(socket.since.timestamp()),
        opaque.encode(Tenant, socket.tenant_id),
        opaque.encode(User, socket.user_id),
        *(socket.limits[name] for name in LIMITS),
    )
    return signing.dumps(place, salt=SALT)


def place_of(scope: Any) -> Place | None:
    """Return the place of a stream; None without its secret."""
    given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    if not given.startswith(SCHEME):
        return None
    try:
        place = Place(*signing.loads(given.removeprefix(SCHEME), salt=SALT))
    except signing.BadSignature:
        return None
    return place if place.connection == scope["connection"] else None


def _throttled(place: Place) -> int | None:
    """Count a request among all of the stream's user; if it is one too many, return the seconds to
    wait."""
    user: Any = opaque.decode(User, place.user)
    tenant: Any = opaque.decode(Tenant, place.tenant)
    minute = Minute("requests_per_minute", user, place._asdict())
    try:
        count(minute)
    except Throttled:
        count_refusal(tenant, "requests_per_minute")
        return math.ceil(minute.wait())
    return None


def frames_of(scope: Any, body: bytes, place: Place) -> list[bytes] | None:
    """Return the frames in a body: the whole of it, or each of its lines; None if they are too
    many. What is too big is cut to what is still too big."""
    kind = dict(scope["headers"]).get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind != MANY:
        frames = [body]
    elif body.count(b"\n") > place.frames_burst:
        return None
    else:
        frames = [line for line in body.split(b"\n") if line]
    return [frame[: place.client_frame_bytes + 1] for frame in frames]


async def take(scope: Any, receive: Any, send: Send) -> None:
    """Answer a request that brings frames: 202, and what comes of them comes in the stream."""
    place: Place = scope["place"]
    frames = frames_of(scope, (await receive())["body"], place)
    if frames is None:
        text = f"A body has at most {place.frames_burst} frames."
        await refuse(send, 413, text, "body_too_large")
        return
    status = await _handed_on(place, frames)
    if status in REFUSED:
        await refuse(send, status, *REFUSED[status])
        return
    await send({"type": "http.response.start", "status": status, "headers": [NO_BODY]})
    await send({"type": "http.response.body", "body": b""})


async def _handed_on(place: Place, frames: list[bytes]) -> int:
    """Hand frames to their stream, here or in another process; return the status of the answer."""
    hub = hubs.current()
    if hub is not None and place.connection in hub.inboxes:
        hub.inboxes[place.connection](frames)
        return 202
    if place.channel is None or (hub is not None and place.channel == hub.groups.channel):
        return 404
    # Its row is written soon after its WELCOME; without one, it counts as lost like a process.
    fresh = time.time() - place.since < limits()["process_lost_seconds"]
    found = fresh or await door.ask(is_open, place.connection)
    if isinstance(found, Exception):
        log_broken(logger, "Looking for a stream failed", found)
        return 503
    return await _passed_on(place, frames) if found else 404


async def _passed_on(place: Place, frames: list[bytes]) -> int:
    message = {"type": "hub.command", "connection": place.connection, "frames": frames}
    try:
        async with asyncio.timeout(limits()["broker_timeout_seconds"]):
            await get_channel_layer().send(place.channel, message)
    except Exception as error:  # redis, sockets and layers raise what they like
        log_broken(logger, "Passing on a stream's frames failed", error)
        return 503
    return 202

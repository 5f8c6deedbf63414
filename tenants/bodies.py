"""Bodies of HTTP requests: read whole, within a size and a time, before the application begins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, ClassVar, Final

from tenants.limits import limits

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


SMALL: Final = 65_536
"""Bytes of each body that always find room, so that large bodies keep out only large ones."""

RETRY_SECONDS: Final = 5


class TooManyBodies(Exception):
    """Too many bytes of large bodies are arriving at this process."""


class BodyTooLarge(Exception):
    """The body has more bytes than are allowed."""


class ClientGone(Exception):
    """The client left before its whole body had arrived."""


class BoundedBodies:
    """An ASGI application whose requests come with a whole body, its length, and in UTF-8.

    Django writes what arrives into a file without a bound and looks only at the announced length;
    Django REST Framework takes a body without a length for none. A charset is not passed on: Django
    accepts every codec of Python's, even those that are not for text, and fails.
    """

    _arriving: ClassVar[int] = 0  # of all of them: the limit is the process's

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[Any]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        now = limits()
        try:
            async with asyncio.timeout(now["body_seconds"]):
                body = await self._whole(scope["headers"], receive)
        except BodyTooLarge:
            text = f"A body has at most {now['body_bytes']} bytes."
            await refuse(send, 413, text, "body_too_large")
        except TooManyBodies:
            await refuse(
                send,
                503,
                "Too many large bodies are being received; try again soon.",
                "service_unavailable",
                RETRY_SECONDS,
            )
        except TimeoutError:
            await refuse(send, 408, "The request body did not arrive in time.", "request_timeout")
        except ClientGone:
            return
        else:
            headers = list(_headers(scope["headers"], len(body)))
            await self.application({**scope, "headers": headers}, _once(body, receive), send)

    async def _whole(self, headers: Iterable[Header], receive: Receive) -> bytes:
        """Return the body; raise BodyTooLarge, TooManyBodies or ClientGone once one applies."""
        now = limits()
        announced = dict(headers).get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > now["body_bytes"]:
            raise BodyTooLarge
        parts: list[bytes] = []
        size = held = 0
        try:
            async for part in _parts(receive):
                parts.append(part)
                size += len(part)
                more = max(0, size - SMALL) - held
                held += more
                BoundedBodies._arriving += more
                if size > now["body_bytes"]:
                    raise BodyTooLarge
                if held and BoundedBodies._arriving > now["bodies_bytes"]:
                    raise TooManyBodies
            return b"".join(parts)
        finally:
            BoundedBodies._arriving -= held


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _headers(headers: Iterable[Header], length: int) -> Iterable[Header]:
    for name, value in headers:
        if name == b"content-type":
            told = value.split(b";")
            value = b";".join(p for p in told if not p.strip().lower().startswith(b"charset"))
        if name not in (b"content-length", b"transfer-encoding"):
            yield name, value
    if length:
        yield b"content-length", str(length).encode()


def _once(body: bytes, receive: Receive) -> Receive:
    """Return what the application receives from: the body, then whatever comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


async def refuse(send: Send, status: int, detail: str, code: str, retry: int | None = None) -> None:
    """Send an error in the API's form, without waiting for the rest of the body.

    `retry` is after how many seconds it may be tried again.
    """
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if retry is not None:
        headers.append((b"retry-after", str(retry).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = json.dumps({"detail": detail, "code": code}).encode()
    await send({"type": "http.response.body", "body": body})


def with_headers(send: Send, headers: Callable[[Message, bytes], Iterable[Header]]) -> Send:
    """Return a `send` that puts on a response what `headers` returns for its start and, of an
    error, for the body: the start of one waits for it."""
    held: list[Message] = []

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            held.append(message)
            return
        for start in held:
            await send({**start, "headers": [*headers(start, message.get("body", b""))]})
        held.clear()
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*headers(message, b"")]}
        await send(message)

    return send_with_headers

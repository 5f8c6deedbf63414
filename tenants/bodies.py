"""Bodies of HTTP requests: read whole, within a size and a time, before the application begins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tenants.limits import limits

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


class BodyTooLarge(Exception):
    """The body has more bytes than one may."""


class ClientGone(Exception):
    """The client went before its body was there."""


class BoundedBodies:
    """An ASGI application whose requests come with a whole body, its length, and in UTF-8.

    Django writes what arrives into a file without a bound, and looks at the announced length only;
    Django REST Framework takes a body without one for none. A charset is not passed on: Django
    takes each codec of Python's, also those that are none for texts, and fails.
    """

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[Any]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        now = limits()
        try:
            async with asyncio.timeout(now["body_seconds"]):
                body = await _whole(scope["headers"], receive, now["body_bytes"])
        except BodyTooLarge:
            text = f"A body has at most {now['body_bytes']} bytes."
            await _refuse(send, 413, text, "body_too_large")
        except TimeoutError:
            await _refuse(send, 408, "The body did not arrive in time.", "request_timeout")
        except ClientGone:
            return
        else:
            headers = list(_headers(scope["headers"], len(body)))
            await self.application({**scope, "headers": headers}, _once(body, receive), send)


async def _whole(headers: Iterable[Header], receive: Receive, most: int) -> bytes:
    announced = dict(headers).get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > most:
        raise BodyTooLarge
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return b"".join(parts)


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
    """What the application receives: the body, and then whatever comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


async def _refuse(send: Send, status: int, detail: str, code: str) -> None:
    """An error in the form of the API's; the rest of the body is not waited for."""
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = json.dumps({"detail": detail, "code": code}).encode()
    await send({"type": "http.response.body", "body": body})

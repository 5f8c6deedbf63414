"""A stream in the place of a WebSocket: events in one response, and requests with frames.

It offers what a connection uses of a WebSocket of `websockets`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl as tls
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from .closes import Ended

PATH: Final = "/api/stream/"
STATUSES: Final = {400: 4400, 401: 4401, 403: 4403, 429: 4429, 500: 4500, 503: 4503}
PATIENCE: Final = 15.0
"""For a request with frames."""


class NoStream(OSError):
    """What answered is no stream of a server of ours."""

    def __init__(self, status: int) -> None:
        super().__init__(f"No stream: {status}.")


class Response:
    """One HTTP response: `status` and `headers`, then its body's lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self._rest = b""

    async def begin(self) -> None:
        """Read up to the body."""
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        self.status = int(first.partition(" ")[2][:3])
        pairs = (line.partition(":") for line in lines if line)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}

    async def line(self) -> bytes:
        """Return the next line of the body; empty at its end."""
        while b"\n" not in self._rest:
            if not (piece := await self._piece()):
                return b""
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"

    async def body(self) -> bytes:
        """Return the rest of the body."""
        while piece := await self._piece():
            self._rest += piece
        return self._rest

    async def _piece(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._reader.read(65_536)
        size = int((await self._reader.readline() or b"0").split(b";")[0], 16)
        return (await self._reader.readexactly(size + 2))[:size] if size else b""


class Stream:
    """One open stream; frames are texts."""

    def __init__(self, url: SplitResult, context: tls.SSLContext | None, answer: Response) -> None:
        self._url, self._context, self._answer = url, context, answer
        self._connection = self._secret = ""
        self._refusal: Ended | None = None

    @property
    def transport(self) -> asyncio.WriteTransport:
        """What may be aborted."""
        return self._answer.writer.transport

    async def recv(self) -> str:
        """Return the next frame; raise `Ended` at the end."""
        kind = b""
        try:
            while line := await self._answer.line():
                if line.startswith(b"event: "):
                    kind = line[7:].strip()
                elif line.startswith(b"data: "):
                    return self._taken(json.loads(line[6:]), kind, line[6:].decode())
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        raise self._refusal or Ended(1006)

    def _taken(self, frame: Mapping[str, Any], kind: bytes, text: str) -> str:
        if kind == b"close":
            raise Ended(frame["code"])
        if frame["type"] == "WELCOME":
            self._connection, self._secret = frame["connection"], frame["secret"]
        return text

    async def send(self, text: str) -> None:
        """Send a frame; what is not taken ends the stream, and whoever receives finds that."""
        headers = {"Authorization": f"Stream {self._secret}", "Content-Type": "application/json"}
        url = self._url._replace(path=f"{self._url.path}{self._connection}/", query="")
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await request("POST", url, headers, self._context, text.encode())
            await close(answer.writer)
            if answer.status == 202:
                return
            if answer.status > 404:  # of a post, 401 and 404 say only that the stream has ended
                self._refusal = refusal(answer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass
        self.transport.abort()

    async def close(self) -> None:
        """End the stream."""
        await close(self._answer.writer)


async def open_stream(
    socket_url: str, headers: Mapping[str, str], context: tls.SSLContext | None = None
) -> Stream:
    """Return the open stream of the server whose socket has this address.

    Raise `Ended` if the server refuses, and OSError if there is none.
    """
    parts = urlsplit(socket_url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    url = parts._replace(scheme=scheme, path=PATH)
    try:
        answer = await request("GET", url, headers, context)
    except (asyncio.IncompleteReadError, ValueError):
        raise NoStream(0) from None
    kind = answer.headers.get("content-type", "")
    if answer.status == 200 and kind.startswith("text/event-stream"):
        return Stream(url, context, answer)
    await close(answer.writer)
    if answer.status not in STATUSES or not kind.startswith("application/json"):
        raise NoStream(answer.status)
    raise refusal(answer)


def refusal(answer: Response) -> Ended:
    """Return what a status means, and for how long the client shall stay away."""
    asked = answer.headers.get("retry-after", "0")
    return Ended(STATUSES.get(answer.status, 1006), float(asked) if asked.isdigit() else 0.0)


async def request(
    method: str, url: SplitResult, headers: Mapping[str, str], context: tls.SSLContext | None,
    body: bytes = b"",
) -> Response:  # fmt: skip
    """Return the response to one request, on a connection of its own."""
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    ssl = (context or tls.create_default_context()) if secure else None
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=ssl, limit=2**24)
    target = urlunsplit(("", "", url.path, url.query, ""))
    lines = [f"{method} {target} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Connection: close", *([f"Content-Length: {len(body)}"] if body else [])]
    answer = Response(reader, writer)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await answer.begin()
    except BaseException:
        await close(writer)
        raise
    return answer


async def close(writer: asyncio.StreamWriter) -> None:
    """End a connection, whatever has become of it."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()

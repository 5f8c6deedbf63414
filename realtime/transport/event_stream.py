"""A stream of server-sent events as a transport: the body of one HTTP response that does not end.

Each text is one event, and the close code the last one. Whoever may not stay before anything was
sent gets a status of HTTP instead.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from realtime.state.codes import Close
from realtime.transport.servers import server_transport
from tenants.limits import limits as common

REFUSALS: Final[Mapping[Close, tuple[int, str]]] = {
    Close.UNUSABLE: (400, "tenant_required"),
    Close.CREDENTIALS: (401, "not_authenticated"),
    Close.FORBIDDEN: (403, "tenant_forbidden"),
    Close.TOO_MANY: (429, "throttled"),
    Close.GOING_AWAY: (503, "service_unavailable"),
}
"""What is answered in the place of a stream; else 500 `error`."""

Header = tuple[bytes, bytes]


def spelled(headers: Mapping[str, str]) -> list[Header]:
    """Return headers as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class EventStream:
    """The response behind an ASGI `send`; `over` is called when it has ended.

    `headers` returns what it carries: of an error, for its body.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        headers: Callable[[bytes], Iterable[Header]],
        over: Callable[[], object],
    ) -> None:
        self._send = send
        self._headers = headers
        self._over = over
        self._started = self._ended = False
        self._under_way = 0
        self._beats: asyncio.Task[None] | None = None

    ready = False  # every text goes by the server's own `send`

    def admitted(self, limits: Mapping[str, Any]) -> None:
        """Begin to beat: a silent line would not show that it is dead."""
        beating = self._beat(limits["ping_seconds"])
        self._beats = asyncio.get_running_loop().create_task(beating)

    def write_now(self, text: str) -> None:
        """Is never called: a stream is never ready."""

    async def write(self, text: str) -> None:
        """Send an event."""
        await self._start(200, "text/event-stream", {"X-Accel-Buffering": "no"})
        await self._body(b"data: %b\n\n" % text.encode())

    async def close(self, code: Close) -> None:
        """Send the last event, or a status if there was none before."""
        if self._started:
            last = json.dumps({"code": int(code), "reason": code.meaning})
            await self._body(f"event: close\ndata: {last}\n\n".encode(), more=False)
        else:
            await self._refuse(code)
        self._over()

    def buffered(self) -> int:
        """Return how many bytes the server holds; 0 if it does not say."""
        transport = server_transport(self._send)
        return 0 if transport is None else transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the client off; where the server offers no way to, its response ends there."""
        transport = server_transport(self._send)
        if transport is None:
            self._over()
        else:
            transport.abort()

    def stop(self) -> None:
        """Beat no longer: the response has ended."""
        if self._beats is not None:
            self._beats.cancel()

    async def _refuse(self, code: Close) -> None:
        status, name = REFUSALS.get(code, (500, "error"))
        seconds = {429: common()["retry_max_seconds"], 503: 5}.get(status)
        waiting = {} if seconds is None else {"Retry-After": str(round(seconds))}
        body = json.dumps({"detail": f"{code.meaning.capitalize()}.", "code": name}).encode()
        await self._start(status, "application/json", waiting, body)
        await self._body(body, more=False)

    async def _start(
        self, status: int, kind: str, more: Mapping[str, str], error: bytes = b""
    ) -> None:
        if self._started:
            return
        self._started = True
        headers = [*self._headers(error), *spelled({"Content-Type": kind, **more})]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _body(self, body: bytes, *, more: bool = True) -> None:
        if self._ended:
            return
        self._ended = not more
        self._under_way += 1
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._under_way -= 1

    async def _beat(self, seconds: float) -> None:
        """Send a comment again and again, unless something else is under way."""
        while True:
            await asyncio.sleep(seconds)
            if self._started and not self._under_way and not self.buffered():
                await self._body(b": beat\n\n")

"""A stream in the place of a socket: the same communicator for tests, over the other transport.

The fixture `transport` says which one a test's clients take. The events of each are told as a
WebSocket's.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator

from tests import given

TRANSPORTS: Final = ("socket", "stream")
DATA: Final = b"data: "
CLOSE: Final = b"event: close\ndata: "
STATUSES: Final = {400: 4400, 401: 4401, 403: 4403, 429: 4429, 500: 4500, 503: 4503}
HOST: Final = (b"host", b"testserver")


class Chosen:
    """The transport of the clients that are made now."""

    transport = os.environ.get("TRANSPORT", "socket")


def communicator(application: Any, path: str, headers: Any = ()) -> Any:
    """A communicator of the test's transport."""
    kind = {"socket": WebsocketCommunicator, "stream": StreamCommunicator}[Chosen.transport]
    return kind(application, path, list(headers))


def request(method: str, path: str, headers: Any = ()) -> dict[str, Any]:
    """A scope of HTTP."""
    path, _, query = path.partition("?")
    headers = [*headers, *([] if any(name == b"host" for name, _ in headers) else [HOST])]
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path}
    return scope | {"query_string": query.encode(), "headers": headers}


async def ask(application: Any, scope: Any, body: bytes = b"") -> tuple[int, Any, bytes]:
    """The status, headers and body of a response that ends."""
    asked = ApplicationCommunicator(application, scope)
    await asked.send_input({"type": "http.request", "body": body})
    start = await asked.receive_output(5)
    whole, more = b"", True
    while more:
        part = await asked.receive_output(5)
        whole, more = whole + part.get("body", b""), part.get("more_body", False)
    await asked.wait(5)
    return start["status"], dict(start["headers"]), whole


class StreamCommunicator(ApplicationCommunicator):
    """One stream; `headers` and `status` are its response's."""

    def __init__(self, application: Any, path: str, headers: Any) -> None:
        super().__init__(application, request("GET", path.replace("/ws/", "/api/stream/"), headers))
        self.secret = self.connection = ""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._events: list[dict[str, Any]] = []

    async def connect(self, timeout: float = 1) -> tuple[bool, None]:  # noqa: ASYNC109 - as its base
        await self.send_input({"type": "http.request", "body": b""})
        start = await ApplicationCommunicator.receive_output(self, timeout)
        self.status, self.headers = start["status"], dict(start["headers"])
        return True, None

    async def disconnect(self, code: int = 1000, timeout: float = 1) -> None:  # noqa: ASYNC109 - as its base
        await self.send_input({"type": "http.disconnect"})
        await self.wait(timeout)

    async def send_to(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.post(bytes_data if text_data is None else text_data.encode())

    async def send_input(self, message: Any) -> None:
        if message["type"] == "websocket.receive":
            await self.post(message["text"].encode())
        else:
            await super().send_input(message)

    async def post(self, body: bytes | None, *headers: tuple[bytes, bytes]) -> int:
        """Send frames; the status of the answer. A stream that was refused takes none."""
        while not self.connection and not self._events:
            self._parse(await ApplicationCommunicator.receive_output(self, 5))
        if not self.connection:
            return 0
        secret = (b"authorization", f"Stream {self.secret}".encode())
        scope = request("POST", f"/api/stream/{self.connection}/", [secret, *headers])
        return (await ask(self.application, scope, body or b""))[0]

    async def receive_output(self, timeout: float = 1) -> Any:  # noqa: ASYNC109 - as its base
        while not self._events:
            self._parse(await ApplicationCommunicator.receive_output(self, timeout))
        return self._events.pop(0)

    def _parse(self, event: dict[str, Any]) -> None:
        """Take what came: an event, a comment, or the end."""
        body: bytes = event["body"]
        if self.status != 200:
            self._events.append({"type": "websocket.close", "code": STATUSES[self.status]})
        elif body.startswith(CLOSE):
            code = json.loads(body.removeprefix(CLOSE))["code"]
            self._events.append({"type": "websocket.close", "code": code})
        elif body.startswith(DATA):
            text = body.removeprefix(DATA).decode().removesuffix("\n\n")
            if not self.connection:
                welcome = json.loads(text)
                self.connection, self.secret = welcome["connection"], welcome["secret"]
                given.note(self.secret)
            self._events.append({"type": "websocket.send", "text": text})

"""Bodies over ASGI: bounded in size and time whatever they announce, whole, and in UTF-8."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from pytest_django import Settings

from tenants.bodies import BoundedBodies
from tests.permissions.answers import LIST
from tests.world import World


class Client:
    """Sends a request in these parts, and keeps the answer; None goes away, `...` never comes."""

    def __init__(self, *parts: Any, **headers: str) -> None:
        self.parts = list(parts) or [b""]
        self.read = 0
        self.address = "127.0.0.1"
        self.waits = asyncio.Event()
        self.status = 0
        self.body = b""
        self.answered: dict[bytes, bytes] = {}
        named = {"host": "localhost"} | {n.replace("_", "-"): v for n, v in headers.items()}
        self.headers = [(name.encode(), text.encode()) for name, text in named.items()]

    async def receive(self) -> Any:
        if self.read == len(self.parts) or self.parts[self.read] is ...:
            self.waits.set()
            await asyncio.Event().wait()
        part = self.parts[self.read]
        self.read += 1
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": self.read < len(self.parts)}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.answered |= dict(message.get("headers", ()))
        self.body += message.get("body", b"")

    async def ask(self, application: Any, method: str = "POST", url: str = LIST) -> Any:
        if not isinstance(application, BoundedBodies):
            application = BoundedBodies(application)
        await self.pass_on(application, method, url)
        return json.loads(self.body) if self.body else None

    async def pass_on(self, application: Any, method: str, url: str) -> None:
        """Ask the application as it is."""
        path, _, query = url.partition("?")
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path,
            "query_string": query.encode(), "client": [self.address, 1],
            "server": ["127.0.0.1", 80],
            "headers": self.headers,
        }  # fmt: skip
        await application(scope, self.receive, self.send)


class Application:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body: bytes | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.headers = dict(scope["headers"])
        message = await receive()
        assert not message["more_body"]
        self.body = message["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture(autouse=True)
def few(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"body_bytes": 1_000}


@pytest.mark.parametrize(
    ("parts", "announced", "read"),
    [
        ([b"b" * 1_001], "1001", 0),
        ([b"b" * 1_001], "9" * 5_000, 0),
        ([b"b" * 600] * 3, "", 2),
        ([b"b" * 600] * 3, "10", 2),
        ([b"b" * 600] * 3, "x", 2),
    ],
)
async def test_body_that_is_too_large_is_read_no_further(
    parts: list[bytes], announced: str, read: int
) -> None:
    application = Application()
    client = Client(*parts, **({"content_length": announced} if announced else {}))
    answer = await client.ask(application)
    assert (client.status, answer["code"]) == (413, "body_too_large")
    assert client.read == read
    assert application.body is None


async def test_body_in_parts_arrives_whole_with_its_length() -> None:
    application = Application()
    await Client(b"a" * 500, b"b" * 500, transfer_encoding="chunked").ask(application)
    assert application.body == b"a" * 500 + b"b" * 500
    assert application.headers[b"content-length"] == b"1000"
    assert b"transfer-encoding" not in application.headers


async def test_request_without_a_body_stays_one() -> None:
    application = Application()
    await Client().ask(application, "GET")
    assert application.body == b""
    assert b"content-length" not in application.headers


async def test_body_that_does_not_arrive_is_not_waited_for(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"body_seconds": 0.01}
    client = Client(b"a", ..., b"b")
    answer = await client.ask(Application())
    assert (client.status, answer["code"]) == (408, "request_timeout")


async def test_large_bodies_that_do_not_arrive_keep_out_large_ones_only(
    settings: Settings,
) -> None:
    settings.EARSHOT |= {"body_bytes": 10**6, "bodies_bytes": 100_000}
    bodies = BoundedBodies(application := Application())
    unfinished = Client(b"a" * 160_000, ...)
    slow = asyncio.create_task(unfinished.ask(BoundedBodies(Application())))
    await unfinished.waits.wait()
    large, small = Client(b"b" * 100_000), Client(b"c" * 60_000)
    assert (await large.ask(bodies))["code"] == "service_unavailable"
    assert (large.status, large.answered[b"retry-after"]) == (503, b"5")
    await small.ask(bodies)
    assert application.body == b"c" * 60_000
    slow.cancel()
    await asyncio.wait([slow])
    await Client(b"b" * 100_000).ask(bodies)
    assert application.body == b"b" * 100_000


async def test_client_that_goes_is_not_answered() -> None:
    application, client = Application(), Client(b"a", None)
    assert await client.ask(application) is None
    assert (application.body, client.status) == (None, 0)


@pytest.mark.parametrize("charset", ["utf-8", "hex", "zlib", "rot13", "UTF-16", "no such", ""])
async def test_charset_reaches_nobody(charset: str) -> None:
    application = Application()
    told = f'multipart/form-data; charset={charset}; boundary="x"'
    await Client(b"a", content_type=told).ask(application)
    assert application.headers[b"content-type"] == b'multipart/form-data; boundary="x"'


@pytest.mark.each_case
@pytest.mark.parametrize("charset", ["hex", "zlib"])
async def test_request_with_a_charset_that_is_none_is_answered(world: World, charset: str) -> None:
    """Without the bounds Django fails at its first look at the query."""
    token = await sync_to_async(world.token)("owner")
    who = {"authorization": f"Token {token}", "x_tenant": "acme"}
    told = {"content_type": f"application/json; charset={charset}", **who}
    client = Client(b'{"title": ', '"é"}'.encode(), **told)
    answer = await client.ask(get_asgi_application(), url=f"{LIST}?q=1")
    assert (client.status, answer["title"]) == (201, "é")

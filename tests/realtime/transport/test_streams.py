"""Streams: what only they have. What each frame is answered is in `tests/test_conformance.py`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from project.asgi import application
from tests.client import SocketClient, in_thread, subscribed
from tests.realtime.leftovers import nothing_left
from tests.realtime.wire import limit, socket, the_hub, token, welcomed
from tests.streams import Chosen, StreamCommunicator, ask, communicator, request
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("streaming")]

PING = {"action": "ping"}
MANY = (b"content-type", b"application/x-ndjson")


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """All clients come by streams."""
    monkeypatch.setattr(Chosen, "transport", "stream")


async def posted(
    client: SocketClient, body: bytes, secret: str | None, *, id: str = "", scheme: str = "Stream"
) -> tuple[int, Any, bytes]:
    """What is answered to frames with this secret."""
    headers = [] if secret is None else [(b"authorization", f"{scheme} {secret}".encode())]
    id = id or client.communicator.connection
    return await ask(application, request("POST", f"/api/stream/{id}/", headers), body)


# What one is told.


async def test_stream_says_what_it_is_and_that_nobody_may_keep_it(world: World) -> None:
    async with welcomed(world, "viewer") as client:
        headers = client.communicator.headers
    assert client.communicator.status == 200
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-accel-buffering"] == b"no"
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert b"access-control-allow-origin" not in headers


async def test_line_of_a_newer_http_is_not_told_to_close(world: World) -> None:
    for version, closes in (("1.1", True), ("2", False)):
        client = await socket(world, "viewer")
        client.communicator.scope["http_version"] = version
        async with client:
            assert (b"connection" in client.communicator.headers) is closes


async def test_page_of_an_allowed_origin_may_read_it(world: World, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    for origin in (b"https://app.example", b"https://evil.example"):
        client = await socket(world, "viewer")
        client.communicator.scope["headers"].append((b"origin", origin))
        async with client:
            told = client.communicator.headers.get(b"access-control-allow-origin")
        assert told == (origin if b"app" in origin else None)


@pytest.mark.parametrize(
    ("username", "tenant", "status", "code"),
    [
        (None, "acme", 401, "not_authenticated"),
        ("rival", "acme", 403, "tenant_forbidden"),
        ("both", "", 400, "tenant_required"),
    ],
)
async def test_whoever_may_not_stay_gets_a_status(
    world: World, username: str | None, tenant: str, status: int, code: str
) -> None:
    given = "wrong" if username is None else await token(world, username)
    headers = [(b"authorization", f"Token {given}".encode())]
    found = await ask(application, request("GET", f"/api/stream/?tenant={tenant}", headers))
    assert (found[0], json.loads(found[2])["code"]) == (status, code)
    assert found[1][b"link"] == f'</api/docs/errors/{code}/>; rel="help"'.encode()


async def test_one_stream_too_many_is_told_when_to_come_back(
    world: World, settings: Settings
) -> None:
    limit(settings, sockets_per_user=1)
    async with welcomed(world, "viewer"):
        headers = [(b"authorization", f"Token {await token(world, 'viewer')}".encode())]
        found = await ask(application, request("GET", "/api/stream/?tenant=acme", headers))
    assert (found[0], found[1][b"retry-after"]) == (429, b"15")


async def test_streams_and_sockets_of_a_user_are_counted_together(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, sockets_per_user=1)
    async with welcomed(world, "viewer"):
        monkeypatch.setattr(Chosen, "transport", "socket")
        async with await socket(world, "viewer") as second:
            assert await second.receive() == {"close": 4429}


async def test_frames_may_stand_in_the_address(world: World) -> None:
    text = json.dumps({"model": "resources.document", "id": world.id})
    client = await socket(world, "viewer")
    client.communicator.scope["query_string"] += f"&send={text}&send=[".encode()
    async with client:
        assert (await client.receive())["type"] == "WELCOME"
        got = {(await client.receive())["type"] for _ in range(2)}
    assert got == {"SUBSCRIBED", "ERROR"}


async def test_silent_stream_beats(world: World, settings: Settings) -> None:
    limit(settings, ping_seconds=0.01)
    async with welcomed(world, "viewer") as client:
        event = await super(StreamCommunicator, client.communicator).receive_output(5)
    assert event["body"] == b": beat\n\n"


async def test_page_of_its_own_origin_comes_by_its_cookie(world: World) -> None:
    def session() -> str:
        browser = Client()
        browser.force_login(world.user("viewer"), "django.contrib.auth.backends.ModelBackend")
        return f"sessionid={browser.session.session_key}"

    cookie = (b"cookie", (await in_thread(session)()).encode())
    for site, type in (("same-origin", "WELCOME"), ("cross-site", None), ("same-site", None)):
        client = SocketClient(None)
        headers = [cookie, (b"sec-fetch-site", site.encode())]
        client.communicator = communicator(application, "/ws/?tenant=acme", headers)
        async with client:
            assert (await client.receive()).get("type") == type
        Chosen.transport = "socket"
        client.communicator = communicator(application, "/ws/?tenant=acme", headers)
        Chosen.transport = "stream"
        async with client:
            assert await client.receive() == {"close": 4401}  # it says nothing about a socket


# What one sends.


async def test_body_of_lines_is_many_frames_in_their_order(world: World) -> None:
    async with welcomed(world, "viewer") as client:
        lines = b'{"action":"ping","ref":1}\n\n{"action":"ping","ref":2}\nx'
        assert await client.communicator.post(lines, MANY) == 202
        got = [await client.receive() for _ in range(3)]
    assert [frame.get("ref", frame.get("code")) for frame in got] == [1, 2, "invalid"]


async def test_bytes_that_are_no_text_are_no_json(world: World) -> None:
    async with welcomed(world, "viewer") as client:
        assert await client.communicator.post(b'{"action":"ping","ref":"\xff"}') == 202
        assert (await client.receive())["detail"] == "Not JSON."


async def test_more_than_one_body_that_waits_ends_the_stream(
    world: World, settings: Settings
) -> None:
    limit(settings, body_bytes=100, frames_burst=1)
    async with welcomed(world, "viewer") as client:
        hub = the_hub()
        hub.inboxes[client.communicator.connection]([b"x" * 60, b"x" * 60])
        assert (await client.receive_until_close()) == 4429


async def test_nobody_sends_without_the_secret_of_just_this_stream(world: World) -> None:
    async with welcomed(world, "viewer") as mine, welcomed(world, "editor") as other:
        body, secret = json.dumps(PING).encode(), mine.communicator.secret
        refused = [
            await posted(mine, body, None),
            await posted(mine, body, "wrong"),
            await posted(mine, body, secret, scheme="Token"),
            await posted(mine, body, other.communicator.secret),
            await posted(mine, body, secret, id="unknown"),
            await posted(mine, body, mine.token, scheme="Token"),
        ]
        assert [status for status, _, _ in refused] == [401] * 6
        assert len({answer for _, _, answer in refused}) == 1
        assert await mine.settle() == []


async def test_stream_that_has_ended_takes_nothing(world: World) -> None:
    async with welcomed(world, "viewer") as other:
        async with welcomed(world, "viewer") as client:
            pass
        found = await posted(client, b"{}", client.communicator.secret)
        assert (found[0], json.loads(found[2])["code"]) == (404, "not_found")
        assert await other.settle() == []


# What is refused, and how it ends.


async def test_other_methods_and_hosts_are_refused(world: World) -> None:
    for method, path, allowed in (
        ("POST", "/api/stream/", b"GET, OPTIONS"),
        ("GET", "/api/stream/x/", b"POST, OPTIONS"),
    ):
        status, headers, body = await ask(application, request(method, path))
        assert (status, headers[b"allow"]) == (405, allowed)
        assert json.loads(body)["code"] == "method_not_allowed"
        assert b"/method_not_allowed/" in headers[b"link"]
    elsewhere = request("GET", "/api/stream/", [(b"host", b"evil.example")])
    assert (await ask(application, elsewhere))[0] == 400


async def test_preflight_of_an_allowed_origin_is_answered(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    asked = [(b"origin", b"https://app.example"), (b"access-control-request-method", b"POST")]
    status, headers, _ = await ask(application, request("OPTIONS", "/api/stream/x/", asked))
    assert (status, headers[b"access-control-allow-origin"]) == (200, b"https://app.example")


async def test_admins_see_a_stream_and_can_end_it(world: World) -> None:
    async with subscribed(world, "viewer") as client:
        admin = await in_thread(world.rest)("admin")
        rows = (await in_thread(admin.get)("/api/connections/")).json()["results"]
        assert [row["transport"] for row in rows] == ["stream"]
        assert rows[0]["id"] == client.communicator.connection
        await in_thread(admin.delete)(f"/api/connections/{rows[0]['id']}/")
        assert await client.receive_until_close() == 1000


async def test_failure_in_a_stream_ends_it_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with welcomed(world, "viewer") as other, welcomed(world, "viewer") as client:
        hub = the_hub()
        with monkeypatch.context() as patch:
            patch.setattr("realtime.transport.conversation.parse", None)
            await client.send(PING)
            assert await client.receive() == {"close": 4500}
        assert await other.settle() == []
    assert nothing_left(hub)
    assert "failed: TypeError" in caplog.text


async def test_reader_that_takes_nothing_is_cut(world: World, settings: Settings) -> None:
    limit(settings, stalled_seconds=0.1, cut_seconds=0.01)
    gate, sent = asyncio.Event(), asyncio.Queue[dict[str, Any]]()

    async def send(message: dict[str, Any]) -> None:
        await sent.put(message)
        if b"PONG" in message.get("body", b""):
            await gate.wait()

    headers = [(b"authorization", f"Token {await token(world, 'viewer')}".encode())]
    scope = request("GET", "/api/stream/?tenant=acme&send=%7B%22action%22:%22ping%22%7D", headers)
    never: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    served = asyncio.create_task(application(scope, never.get, send))
    await asyncio.wait_for(served, 5)
    got = [sent.get_nowait() for _ in range(sent.qsize())]
    assert b'"code": 4408' in got[-1]["body"]
    assert not got[-1]["more_body"]

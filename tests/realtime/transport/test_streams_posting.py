"""What is posted for a stream: who may, how much, and how it gets there."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.core import signing
from django.db import OperationalError
from pytest_django import Settings

from project.asgi import application
from realtime.audit.models import Connection
from realtime.transport.streams import SALT, Place
from tests.client import SocketClient, in_thread
from tests.realtime.leftovers import nothing_left
from tests.realtime.wire import limit, the_hub, welcomed
from tests.streams import Chosen, ask, request
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True)]

MANY = (b"content-type", b"application/x-ndjson")


@pytest.fixture(autouse=True)
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """All clients come by streams."""
    monkeypatch.setattr(Chosen, "transport", "stream")


async def posted(
    client: SocketClient, body: bytes, *headers: tuple[bytes, bytes], **place: Any
) -> tuple[int, Any, bytes]:
    """What is answered to frames with the client's secret, in which this is otherwise."""
    signed = Place(*signing.loads(client.communicator.secret, salt=SALT))._replace(**place)
    secret = signing.dumps(signed, salt=SALT).encode()
    path = f"/api/stream/{signed.connection}/"
    own = [(b"authorization", b"Stream " + secret), *headers]
    return await ask(application, request("POST", path, own), body)


async def test_stream_that_is_cut_leaves_no_inbox(world: World) -> None:
    """It has left the hub before it has ended."""
    async with welcomed(world, "viewer") as other:
        hub = the_hub()
        async with welcomed(world, "viewer") as client:
            id = client.communicator.connection
            [socket] = [each for each in hub.connections if each.id == id]
            socket.cut()
            assert await client.receive_until_close() == 4408
        assert list(hub.inboxes) == [other.communicator.connection]
        assert (await posted(client, b"{}"))[0] == 404
    assert nothing_left(hub)


async def test_body_of_too_many_lines_is_refused_whole(world: World, settings: Settings) -> None:
    limit(settings, frames_burst=3)
    async with welcomed(world, "viewer") as client:
        status, _, body = await posted(client, b"a\n" * 4, MANY)
        assert (status, json.loads(body)["code"]) == (413, "body_too_large")
        assert await client.settle() == []
        assert (await posted(client, b"\n" * 4))[0] == 202  # it is one frame
        assert (await client.receive())["code"] == "invalid"


async def test_requests_of_a_user_are_limited_by_rest_and_streams_together(
    world: World, settings: Settings
) -> None:
    async with welcomed(world, "viewer") as client, welcomed(world, "editor") as other:
        limit(settings, requests_per_minute=2)
        rest = await in_thread(world.rest)("viewer")
        await in_thread(rest.get)("/api/tenants/")
        got = [await posted(client, b"{}", requests_per_minute=2) for _ in range(2)]
        assert (await posted(other, b"{}", requests_per_minute=2))[0] == 202
        assert (await in_thread(rest.get)("/api/tenants/")).status_code == 429
    assert [status for status, _, _ in got] == [202, 429]
    assert json.loads(got[1][2])["code"] == "throttled"
    assert 0 < int(got[1][1][b"retry-after"]) <= 60


async def test_nobody_without_the_secret_has_a_body_read(world: World) -> None:
    """It is refused while the body is still on its way."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(request("POST", "/api/stream/x/"), None, send)
    assert sent[0]["status"] == 401


async def test_frames_find_the_process_that_has_the_stream(world: World) -> None:
    """Half of the way from here, to a channel of another process; half to here."""
    layer: Any = get_channel_layer()
    elsewhere = await layer.new_channel()
    async with welcomed(world, "viewer") as client:
        place = {"connection": "id", "channel": elsewhere, "client_frame_bytes": 10}
        assert (await posted(client, b"x" * 20, **place))[0] == 202
        message = await layer.receive(elsewhere)
        assert message["connection"] == "id"
        assert message["frames"] == [b"x" * 11]
        command = message | {"frames": [b'{"action":"ping"}']}
        for connection in ("gone", client.communicator.connection):
            await layer.send(the_hub().groups.channel, command | {"connection": connection})
        assert (await client.receive())["type"] == "PONG"


async def test_secret_of_a_stream_without_a_row_reaches_no_process(world: World) -> None:
    """Except where it is so young that its row may not be written yet."""
    layer: Any = get_channel_layer()
    elsewhere = await layer.new_channel()
    async with welcomed(world, "viewer") as client:
        await client.settle()
        row = await in_thread(Connection.objects.get)()
        old = {"channel": elsewhere, "since": 0}
        hub = the_hub()
        put = hub.inboxes.pop(row.pk)  # it is another process that has it
        assert (await posted(client, b"{}", **old))[0] == 202
        hub.inboxes[row.pk] = put
        assert (await layer.receive(elsewhere))["connection"] == row.pk
        status, _, body = await posted(client, b"{}", connection="id", **old)
        assert (status, json.loads(body)["code"]) == (404, "not_found")


async def test_stream_that_cannot_be_looked_for_is_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(connection: str) -> bool:
        raise OperationalError

    caplog.set_level(logging.CRITICAL)
    async with welcomed(world, "viewer") as client:
        monkeypatch.setattr("realtime.transport.streams.is_open", away)
        found = await posted(client, b"{}", connection="id", channel="elsewhere", since=0)
    assert (found[0], found[1][b"retry-after"]) == (503, b"5")


async def test_process_that_cannot_be_reached_is_an_outage(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with welcomed(world, "viewer") as client:
        place: Any = {"connection": "id", "channel": {"no": "channel"}}
        status, headers, body = await posted(client, b"{}", **place)
    assert (status, headers[b"retry-after"]) == (503, b"5")
    assert json.loads(body)["code"] == "service_unavailable"

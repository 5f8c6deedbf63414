"""One socket from accept to close; what each text is answered is in `tests/test_conformance.py`."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from knox.models import AuthToken
from pytest_django import Settings

from realtime.hub.per_loop import hubs
from realtime.transport import conversation
from realtime.transport.parsing import parse
from resources.models import Document, Profile
from tenants import opaque
from tests.client import SocketClient, in_thread
from tests.realtime.leftovers import joined, nothing_left, rename
from tests.realtime.wire import Wire, limit, socket, the_hub, token, welcomed, wired
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

PING = {"action": "ping"}
HOST = {"host": "testserver"}
DOCUMENT = "resources.document"
CANARY = "canary-4711"


# Who comes in.


async def test_member_is_welcomed_with_what_they_must_know(
    world: World, settings: Settings
) -> None:
    async with await socket(world, "viewer") as client:
        welcome = await client.receive()
    expires = parse_datetime(welcome.pop("expires"))
    assert expires is not None
    hours = settings.EARSHOT["token_hours"]
    assert timedelta(0) <= timezone.now() + timedelta(hours=hours) - expires < timedelta(minutes=1)
    assert len(welcome.pop("connection")) >= 16
    assert welcome == {
        "type": "WELCOME",
        "protocol": 1,
        "tenant": "acme",
        "user": world.user_id("viewer"),
        "heartbeat": 20,
        "limits": {
            "client_frame_bytes": 16384,
            **dict.fromkeys(("subscriptions_per_socket", "rows_per_socket", "frames_burst"), 1000),
            "windows_per_socket": 20,
            "frames_per_second": 50,
            "invalid_frames": 10,
            "stalled_seconds": 10.0,
        },
        "retry": {"min": 1.0, "max": 15.0},
    }


async def test_sockets_have_different_connections(world: World) -> None:
    async with await socket(world, "viewer") as first, await socket(world, "viewer") as second:
        assert (await first.receive())["connection"] != (await second.receive())["connection"]


async def test_frames_of_a_refused_socket_are_not_answered(world: World) -> None:
    async with SocketClient(None) as client:
        await client.send(PING)
        await client.send(b"binary")
        assert await client.receive() == {"close": 4401}
        assert await client.communicator.receive_nothing(0.01)


# Until when.


def token_for(world: World, life: timedelta | None) -> tuple[str, Any]:
    row, text = AuthToken.objects.create(world.user("viewer"), expiry=life)
    return text, row.expiry


async def test_socket_is_closed_when_its_credential_expires(world: World) -> None:
    text, expiry = await in_thread(token_for)(world, timedelta(seconds=0.3))
    async with SocketClient(text) as client:
        assert (await client.receive())["type"] == "WELCOME"
        await client.send(PING)
        assert (await client.receive())["type"] == "PONG"
        assert await client.receive() == {"close": 4401}
        assert timezone.now() >= expiry


async def test_socket_of_a_credential_without_end_has_none(world: World) -> None:
    text, expiry = await in_thread(token_for)(world, None)
    assert expiry is None
    async with SocketClient(text) as client:
        assert (await client.receive())["expires"] is None
    assert hubs.current() is None


# What is answered.


async def test_commands_are_obeyed_and_other_frames_refused(world: World) -> None:
    async with welcomed(world, "viewer") as client:
        for frame in ({"model": DOCUMENT, "id": "no id"}, "no JSON", b"binary"):
            await client.send(frame)
        codes = [(await client.receive())["code"] for _ in range(3)]
        assert codes == ["not_found", "invalid", "invalid"]
        assert (await client.subscribe(world.id))["type"] == "SUBSCRIBED"
        await client.send({"action": "unsubscribe", "model": DOCUMENT, "id": world.id})
        await client.send(PING)
        assert [(await client.receive())["type"] for _ in range(2)] == ["UNSUBSCRIBED", "PONG"]


async def test_invalid_frames_in_a_row_end_the_socket(world: World, settings: Settings) -> None:
    limit(settings, invalid_frames=2)
    async with welcomed(world, "viewer") as client:
        for frame in ("[", PING, "[", b"x"):
            await client.send(frame)
        got = [await client.receive() for _ in range(5)]
    assert [f.get("type") for f in got[:4]] == ["ERROR", "PONG", "ERROR", "ERROR"]
    assert got[-1] == {"close": 4400}


@pytest.mark.each_case
@pytest.mark.parametrize("frame", ["é" * 10, b"x" * 20])
async def test_frame_of_too_many_bytes_ends_the_socket(
    world: World, settings: Settings, frame: str | bytes
) -> None:
    limit(settings, client_frame_bytes=19)
    async with welcomed(world, "viewer") as client:
        await client.send("é" * 9)
        assert (await client.receive())["code"] == "invalid"
        await client.send(frame)
        assert await client.receive() == {"close": 4413}


# How much.


async def test_client_that_floods_is_warned_and_then_closed(
    world: World, settings: Settings
) -> None:
    limit(settings, frames_burst=3, frames_per_second=0.001)
    async with welcomed(world, "viewer") as client:
        for _ in range(3 + 10):
            await client.send(PING)
        got = [await client.receive() for _ in range(3 + 10 + 1)]
    assert [f["type"] for f in got[:3]] == ["PONG"] * 3
    assert [f["code"] for f in got[3:-1]] == ["rate_limited"] * 10
    assert got[-1] == {"close": 4429}


async def test_subscriptions_of_a_socket_are_limited(world: World, settings: Settings) -> None:
    limit(settings, subscriptions_per_socket=1)
    profile = {"model": "resources.profile", "id": await in_thread(profile_id)(world)}
    async with welcomed(world, "viewer") as client:
        assert (await client.subscribe(world.id))["type"] == "SUBSCRIBED"
        await client.send({**profile, "ref": 1})
        answer = await client.receive()
        assert answer.pop("detail")
        error = {"type": "ERROR", "code": "too_many_subscriptions"}
        assert answer == {**error, **profile, "ref": 1}
        assert (await client.subscribe(world.id))["type"] == "SUBSCRIBED"
        await client.send({"action": "unsubscribe", "model": DOCUMENT, "id": world.id})
        assert (await client.receive())["type"] == "UNSUBSCRIBED"
        assert (await client.subscribe(**profile))["type"] == "SUBSCRIBED"


def profile_id(world: World) -> str:
    return opaque.encode(Profile, world.profile("viewer").pk)


async def test_what_is_not_found_does_not_count_as_a_subscription(
    world: World, settings: Settings
) -> None:
    limit(settings, subscriptions_per_socket=1)
    unknown = opaque.encode(Document, 10**9)
    async with welcomed(world, "viewer") as client:
        assert (await client.subscribe(unknown))["code"] == "not_found"
        assert (await client.subscribe(world.id))["type"] == "SUBSCRIBED"


async def test_sockets_of_a_user_are_limited(world: World, settings: Settings) -> None:
    limit(settings, sockets_per_user=1)
    async with welcomed(world, "viewer") as first:
        async with await socket(world, "viewer") as second:
            assert await second.receive() == {"close": 4429}
            await second.send(PING)
        async with welcomed(world, "editor"):
            await first.send(PING)
            assert (await first.receive())["type"] == "PONG"
    async with welcomed(world, "viewer"):
        pass


async def test_sockets_of_a_tenant_are_limited(world: World, settings: Settings) -> None:
    limit(settings, sockets_per_tenant=1)
    async with welcomed(world, "viewer"):
        async with await socket(world, "editor") as second:
            assert await second.receive() == {"close": 4429}
        async with await socket(world, "rival", "globex") as other:
            assert (await other.receive())["type"] == "WELCOME"


# What goes wrong.


async def test_failure_in_one_socket_ends_it_alone_and_shows_no_payload(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(text: str) -> Any:
        if "explode" in text:
            raise RuntimeError(CANARY, text)
        return parse(text)

    monkeypatch.setattr(conversation, "parse", explode)
    caplog.set_level(logging.DEBUG)
    await in_thread(rename)(world, CANARY)
    async with welcomed(world, "viewer") as other, Wire(await token(world, "viewer")) as victim:
        connection = (await victim.frame())["connection"]
        await other.subscribe(world.id)
        victim.push({"model": DOCUMENT, "id": world.id})
        assert (await victim.frame())["payload"]["title"] == CANARY
        hub = the_hub()
        assert joined(hub) == {"viewer": 2}
        victim.push({"action": "explode", "ref": CANARY})
        assert await victim.frame() == {"close": 4500}
        await victim.task
        assert joined(hub) == {"viewer": 1}
        await in_thread(rename)(world, "After")
        assert (await other.receive_until("UPDATE_DOCUMENT"))["payload"]["title"] == "After"
    assert nothing_left(hub)
    assert f"Socket {connection} failed: RuntimeError" in caplog.text
    assert CANARY not in caplog.text


async def test_failure_of_a_send_ends_the_socket(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with Wire(await token(world, "viewer")) as wire:
        connection = (await wire.frame())["connection"]
        wire.failing["websocket.send"] = RuntimeError(CANARY)
        wire.push(PING)
        assert await wire.frame() == {"close": 4500}
    assert f"Sending to socket {connection} failed: RuntimeError" in caplog.text
    assert CANARY not in caplog.text


async def test_client_that_went_first_is_no_failure(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with wired(world) as wire:
        wire.failing["websocket.send"] = ConnectionResetError()
        wire.push(PING)
        await asyncio.sleep(0)
    assert not caplog.records


async def test_close_that_the_server_does_not_take_is_no_failure(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "realtime")
    async with wired(world) as wire:
        wire.failing["websocket.close"] = RuntimeError(CANARY)
        wire.push("x" * 20_000)
        for _ in range(10):
            await asyncio.sleep(0)
    assert "was already gone (RuntimeError)" in caplog.text
    assert CANARY not in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert hubs.current() is None

"""What a server takes at once, over uvicorn's own protocol and real sockets."""

from __future__ import annotations

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from knox.models import AuthToken
from pytest_django import Settings
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from realtime.state.sockets import KEPT_CHARACTERS
from realtime.transport import wire as wires
from realtime.transport.on_uvicorn import Protocol
from tests.client import in_thread, quiet
from tests.protocol import client, frame, subscribe
from tests.world import World

SUBSCRIBE = {"model": "resources.document"}


@pytest.fixture
def sent_by_the_server(settings: Settings) -> None:
    """Every text goes through the server's own send."""
    settings.EARSHOT = {**settings.EARSHOT, "preframed": 0}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that went straight to a transport."""
    texts: list[str] = []
    write = wires.PreframedWire.write

    def noted(wire: wires.PreframedWire, text: str) -> None:
        texts.append(text)
        write(wire, text)

    monkeypatch.setattr(wires.PreframedWire, "write", noted)
    return texts


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frame_is_what_another_library_reads(size: int) -> None:
    text = "é" + "x" * (size - 2) if size else ""
    reader = StreamReader()
    reader.feed_data(wires.framed(text))
    reader.feed_eof()
    parser = Frame.parse(reader.read_exact, mask=False)
    try:
        next(parser)
    except StopIteration as parsed:
        found = parsed.value
    assert (found.opcode, found.fin, bytes(found.data).decode()) == (Opcode.TEXT, True, text)
    assert len(text.encode()) == size


def test_frame_is_framed_once_for_all() -> None:
    assert wires.framed("some text") is wires.framed("some text")


@pytest.mark.parametrize("more", [0, 1])
def test_long_text_is_framed_and_not_kept(more: int) -> None:
    written: list[bytes] = []
    protocol: Any = SimpleNamespace(transport=SimpleNamespace(write=written.append))
    wires.framed.cache_clear()
    wires.PreframedWire(protocol).write("x" * (KEPT_CHARACTERS + more))
    assert written == [wires.framed.__wrapped__("x" * (KEPT_CHARACTERS + more))]
    assert wires.framed.cache_info().currsize == 1 - more


def test_pinned_server_is_recognised() -> None:
    assert wires.is_recognised(WebSocketsSansIOProtocol)
    assert wires.is_recognised(Protocol)


class Masking(WebSocketsSansIOProtocol):
    """Its frames have a byte more."""

    async def send(self, message: Any) -> None:
        await super().send(message)
        self.transport.write(b"!")


class Elsewhere(WebSocketsSansIOProtocol):
    """It keeps its state where nobody knows."""

    async def send(self, message: Any) -> None:
        self.unknown.write(message)  # type: ignore[attr-defined]


@pytest.mark.parametrize("protocol", [Masking, Elsewhere])
def test_server_that_writes_otherwise_keeps_its_own_send(protocol: Any) -> None:
    assert not wires.is_recognised(protocol)

    serving = protocol.__new__(protocol)
    serving.conn = SimpleNamespace(extensions=[])
    assert type(wires.wire(serving.send, preframed=True)) is wires.Wire


@pytest.mark.parametrize("installed", [True, False])
def test_another_server_has_no_wire(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(event: Any) -> None:
        raise AssertionError

    if not installed:
        monkeypatch.delitem(sys.modules, wires.MODULE)
    assert wires.wire(send, preframed=True) is None


@pytest.mark.django_db(transaction=True)
async def test_socket_without_compression_is_written_to_directly(
    world: World, written: list[str]
) -> None:
    async with client(world, compression=None) as socket:
        await subscribe(socket, world)
        assert (await frame(socket))["type"] == "SUBSCRIBED"
        await in_thread(world.write)(title="Döner")
        assert (await frame(socket))["payload"]["title"] == "Döner"
        await in_thread(world.revoke)("viewer")
        assert (await frame(socket))["type"] == "DELETE_DOCUMENT"
    kinds = [json.loads(text)["type"] for text in written]
    assert kinds == ["WELCOME", "SUBSCRIBED", "UPDATE_DOCUMENT", "DELETE_DOCUMENT"]


@pytest.mark.django_db(transaction=True)
async def test_socket_with_compression_takes_the_ordinary_way(
    world: World, written: list[str]
) -> None:
    async with client(world) as socket:
        assert socket.protocol.extensions
        await subscribe(socket, world)
        assert (await frame(socket))["type"] == "SUBSCRIBED"
    assert written == []


@pytest.mark.django_db(transaction=True)
async def test_switched_off_everybody_takes_the_servers_own_send(
    world: World, sent_by_the_server: None, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    write = wires.Wire.write

    def noted(wire: wires.Wire, text: str) -> None:
        sent.append(text)
        write(wire, text)

    monkeypatch.setattr(wires.Wire, "write", noted)
    async with client(world, compression=None) as socket:
        await subscribe(socket, world)
        assert (await frame(socket))["type"] == "SUBSCRIBED"
    assert [json.loads(text)["type"] for text in sent] == ["WELCOME", "SUBSCRIBED"]
    assert written == []


async def test_send_that_waits_although_it_was_ready_is_an_error() -> None:
    class Waiting:
        async def send(self, event: dict[str, Any]) -> None:
            await asyncio.sleep(0)

    with pytest.raises(wires.SendWaited, match="uvicorn"):
        wires.Wire(Waiting()).write("text")  # type: ignore[arg-type]


@pytest.mark.each_case
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["an answer", "an update"])
async def test_client_that_went_is_no_failure(
    world: World, at: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = asyncio.Event()

    def left(*_: Any) -> None:
        gone.set()
        raise ClientDisconnected

    async with client(world, compression=None) as socket:
        await subscribe(socket, world)
        await frame(socket)
        monkeypatch.setattr(wires.PreframedWire, "write", left)
        if at == "an answer":
            await subscribe(socket, world)
        else:
            await in_thread(world.write)(title="New")
        await asyncio.wait_for(gone.wait(), 10)
    assert "could not be sent to" not in caplog.text


@pytest.mark.django_db(transaction=True)
async def test_two_subscribes_at_once_are_answered_in_their_order(world: World) -> None:
    async with client(world, compression=None) as socket:
        for ref in "ab":
            await socket.send(json.dumps({**SUBSCRIBE, "id": world.id, "ref": ref}))
        assert [(await frame(socket))["ref"] for _ in "ab"] == ["a", "b"]


@pytest.mark.django_db(transaction=True)
async def test_transport_that_is_full_gets_the_newest_state_when_it_is_not(
    world: World, written: list[str]
) -> None:
    state = ServerState()
    async with client(world, state, compression=None) as socket:
        await subscribe(socket, world)
        await frame(socket)
        (protocol,) = state.connections
        protocol.pause_writing()
        for title in ("Old", "New"):
            await in_thread(world.write)(title=title)
            await quiet()
        protocol.resume_writing()
        titles: list[str] = []
        while not titles or titles[-1] != "New":
            titles.append((await frame(socket))["payload"]["title"])
    assert len(written) == 2  # welcome and snapshot


@pytest.mark.django_db(transaction=True)
async def test_socket_closes_after_what_was_written(world: World) -> None:
    async with client(world, compression=None) as socket:
        await in_thread(AuthToken.objects.filter(user=world.users["viewer"]).delete)()
        await socket.wait_closed()
        assert socket.close_code == 4401


@pytest.mark.each_case
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["an answer", "an update"])
async def test_failure_in_sending_ends_this_socket_alone(
    world: World, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("broken")

    async with client(world, compression=None) as socket:
        await subscribe(socket, world)
        await frame(socket)
        monkeypatch.setattr(wires.PreframedWire, "write", broken)
        if at == "an answer":
            await subscribe(socket, world)
        else:
            await in_thread(world.write)(title="New")
        await socket.wait_closed()
        assert socket.close_code == 4500

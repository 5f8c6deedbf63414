"""Clients that break the bounds of messages, against real servers started as documented."""

from __future__ import annotations

import json
import socket as sockets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from tests.conftest import StartServer
from tests.live import LiveServer
from tests.world import World

SECONDS = "0.3"


@pytest.fixture(params=["uvicorn", "project"])
def server(request: pytest.FixtureRequest, start_server: StartServer) -> LiveServer:
    return start_server(request.param, EARSHOT_MESSAGE_SECONDS=SECONDS)


@contextmanager
def opened(
    server: LiveServer, world: World, username: str = "viewer", **options: Any
) -> Iterator[ClientConnection]:
    """A user's socket, which has been welcomed."""
    headers = {"Authorization": f"Token {world.token(username)}"}
    url = f"{server.socket_url}?tenant=acme"
    with connect(url, additional_headers=headers, max_size=None, proxy=None, **options) as socket:
        take_little(socket.socket)
        assert json.loads(socket.recv(10))["type"] == "WELCOME"
        yield socket


def take_little(socket: sockets.socket) -> None:
    """Have the kernel keep little for a client that takes nothing; by itself it would keep as much
    as it is set to, on some machines more than what a test sends."""
    socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2**16)


def raw(socket: ClientConnection, *frames: bytes) -> None:
    """Bytes of the client's, past its own protocol."""
    socket.socket.sendall(b"".join(frames))


def masked(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def code(socket: ClientConnection) -> int:
    """The code with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(10)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def halves(data: bytes) -> Iterator[bytes]:
    yield masked(data[:5], fin=False)
    yield masked(data[5:], Opcode.CONT)


def test_messages_are_bounded_in_size_and_time(server: LiveServer, world: World) -> None:
    for begun in (masked(b"x", fin=False), masked(b"xyz")[:-1], masked(b"xyz")[:1]):
        with opened(server, world) as unfinished:
            raw(unfinished, begun)
            assert code(unfinished) == 4408
    big = b"x" * 16_385
    for frames in ([masked(big)], [*halves(big)], [masked(big)[:8]]):
        with opened(server, world) as too_big:
            raw(too_big, *frames)
            assert code(too_big) == 1009
    with opened(server, world) as bomb:
        if bomb.protocol.extensions:
            bomb.send("x" * 10_000_000)  # compressed: some kilobytes
        else:  # all of it may be reset while it is still being sent
            raw(bomb, masked(b"x" * 10_000_000)[:16])
        assert code(bomb) == 1009
    with opened(server, world) as socket:
        raw(socket, *halves(b'{"action":"ping","ref":1}'), masked(b"x", Opcode.PONG))
        assert json.loads(socket.recv(10)) == {"type": "PONG", "ref": 1}
    assert "takes messages" not in server.log
    assert "arrive whole" not in server.log


def test_document_larger_than_any_message_of_a_client_is_sent(
    server: LiveServer, world: World
) -> None:
    body: dict[str, Any] = {"body": "\x01" * 100_000, "review_notes": "\x01" * 100_000}
    world.write(**body)
    with opened(server, world, "owner") as socket:
        socket.send(json.dumps({"model": "resources.document", "id": world.id}))
        frame = json.loads(socket.recv(10))
    assert {name: frame["payload"][name] for name in body} == body


@pytest.mark.parametrize("program", ["daphne", "uvicorn"])
def test_server_that_is_not_started_as_documented_says_so_once(
    program: str, start_server: StartServer, world: World
) -> None:
    options = {"uvicorn": ["--ws", "websockets-sansio"], "daphne": ["-v", "1"]}[program]
    server = start_server(program, options)
    for _ in range(2):
        with opened(server, world):
            pass
    told = "more than the allowed 16384" if program == "daphne" else "does not arrive completely"
    assert server.log.count(told) == 1


def test_daphne_holds_little_for_a_client_that_takes_nothing_and_cuts_it(
    start_server: StartServer, world: World
) -> None:
    """Daphne itself would write a hundred answers of a document into its memory at once."""
    world.write(body="\x01" * 100_000)
    server = start_server("project", EARSHOT_STALLED_SECONDS="1")
    subscribe = json.dumps({"model": "resources.document", "id": world.id})
    with opened(server, world, compression=None) as socket:
        deadline = time.monotonic() + 20
        while not listed(server, world):  # it is a round that lists it
            assert time.monotonic() < deadline
        for _ in range(100):
            socket.send(subscribe)
        while listed(server, world):
            assert time.monotonic() < deadline
        taken: list[Any] = []
        with pytest.raises(ConnectionClosed):
            taken.extend(socket)
    assert len(taken) < 50


def listed(server: LiveServer, world: World) -> list[Any]:
    """The sockets of the tenant, as its admin is told."""
    headers = {"Authorization": f"Token {world.token('admin')}", "X-Tenant": "acme"}
    request = Request(f"{server.url}/api/connections/", headers=headers)
    with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
        found: list[Any] = json.load(response)["results"]
    return found

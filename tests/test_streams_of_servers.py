"""Streams over real servers, started as documented."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.announced import announced
from tests.conftest import StartServer
from tests.databases import with_broker
from tests.live import LiveServer
from tests.test_bounds_of_servers import listed, take_little
from tests.world import World


class Stream:
    """One open stream: its frames, and requests for it."""

    def __init__(self, server: LiveServer, world: World, username: str = "viewer") -> None:
        self.server = server
        self.line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Authorization": f"Token {world.token(username)}"}
        self.line.connect()
        take_little(self.line.sock)
        self.line.request("GET", "/api/stream/?tenant=acme", headers=headers)
        self.answer = self.line.getresponse()
        assert self.answer.status == 200
        self.welcome = self.next()

    def next(self) -> Any:
        """The next event's data, or None when the stream has ended."""
        while (text := self.answer.readline()) and not text.startswith(b"data: "):
            pass
        return json.loads(text.removeprefix(b"data: ")) if text else None

    def send(self, *frames: Any, to: LiveServer | None = None) -> int:
        """Send frames in one request, to this server or another process of it."""
        path = f"/api/stream/{self.welcome['connection']}/"
        headers = {
            "Authorization": f"Stream {self.welcome['secret']}",
            "Content-Type": "application/x-ndjson",
        }
        port = (to or self.server).port
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        line.request("POST", path, "\n".join(map(json.dumps, frames)), headers)
        with line.getresponse() as answer:
            status = answer.status
        line.close()
        return status


@contextmanager
def opened(server: LiveServer, world: World) -> Iterator[Stream]:
    stream = Stream(server, world)
    try:
        yield stream
    finally:
        stream.answer.close()
        stream.line.close()


def subscribe(world: World) -> dict[str, Any]:
    return {"model": "resources.document", "id": world.id}


@pytest.mark.parametrize("program", ["uvicorn", "project", "daphne"])
def test_stream_brings_what_changes_and_says_when_the_server_goes(
    start_server: StartServer, world: World, program: str
) -> None:
    server = start_server(program, EARSHOT_TAIL_SECONDS="0.1", EARSHOT_PING_SECONDS="1")
    with opened(server, world) as stream:
        assert stream.welcome["type"] == "WELCOME"
        assert stream.send(subscribe(world), {"action": "ping"}) == 202
        assert {stream.next()["type"] for _ in range(2)} == {"SUBSCRIBED", "PONG"}
        world.write(title="In a stream")
        announced()
        assert stream.next()["payload"]["title"] == "In a stream"
        stream.answer.readline()
        assert stream.answer.readline() == b": beat\n"
        server.process.send_signal(signal.SIGTERM)
        last = stream.next()
        while "type" in last:
            last = stream.next()
        assert last == {"code": 4503, "reason": "going away"}
        assert stream.next() is None
    assert "Traceback" not in server.log


@pytest.mark.parametrize("program", ["uvicorn", "project"])
def test_reader_that_takes_nothing_costs_little_and_is_cut(
    start_server: StartServer, world: World, program: str
) -> None:
    """A hundred answers of a large document, of which the server's socket holds a few."""
    world.write(body="\x01" * 100_000)
    server = start_server(program, EARSHOT_STALLED_SECONDS="1")
    with opened(server, world) as stream:
        deadline = time.monotonic() + 20
        while not listed(server, world):  # it is a round that lists it
            assert time.monotonic() < deadline
        assert stream.send(*[subscribe(world)] * 100) == 202
        # Nothing tells this process when the other one has cut it, so each look is a request.
        while listed(server, world):
            assert time.monotonic() < deadline
        taken = []
        try:
            while (frame := stream.next()) is not None:
                taken.append(frame)
        except (OSError, http.client.HTTPException, ValueError):
            pass
    assert len(taken) < 50
    assert "Traceback" not in server.log


@with_broker
def test_frames_that_another_process_gets_find_their_stream(
    start_server: StartServer, world: World
) -> None:
    here, there = start_server("uvicorn"), start_server("project")
    with opened(here, world) as stream:
        assert stream.send(subscribe(world), to=there) == 202
        assert stream.next()["type"] == "SUBSCRIBED"

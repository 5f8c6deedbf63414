"""A stream as a transport; with a conversation in `test_streams.py`, over servers beside them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from realtime.state.codes import Close
from realtime.transport.event_stream import EventStream
from realtime.transport.transport import Transport
from tests.realtime.transport.test_websocket import Buffer, Server


def stream(server: Server) -> tuple[EventStream, list[str]]:
    """A stream of the server's, and what is noted when it is over."""
    over: list[str] = []
    return EventStream(server.send, lambda error: [(b"x", b"y")], lambda: over.append("over")), over


async def test_texts_are_events_and_the_code_is_the_last_one() -> None:
    server = Server()
    made, over = stream(server)
    transport: Transport = made
    await transport.write("text")
    await transport.close(Close.GOING_AWAY)
    start, first, last = server.events
    assert (b"x", b"y") in start["headers"]
    assert first["body"] == b"data: text\n\n"
    assert first["more_body"]
    assert last["body"].startswith(b'event: close\ndata: {"code": 4503, ')
    assert not last["more_body"]
    assert over == ["over"]
    await transport.write("too late")
    assert len(server.events) == 3
    assert not transport.ready


@pytest.mark.parametrize(
    ("code", "status", "waiting"),
    [
        (Close.CREDENTIALS, 401, False),
        (Close.SERVER_ERROR, 500, False),
        (Close.TOO_MANY, 429, True),
        (Close.GOING_AWAY, 503, True),
    ],
)
async def test_code_before_any_text_is_a_status(code: Close, status: int, waiting: bool) -> None:
    server = Server()
    made, over = stream(server)
    await made.close(code)
    start, body = server.events
    assert start["status"] == status
    assert (b"retry-after" in dict(start["headers"])) is waiting
    assert json.loads(body["body"]).keys() == {"detail", "code"}
    assert over == ["over"]


async def test_client_is_cut_off_and_its_bytes_are_known_where_the_server_lets() -> None:
    buffer = Buffer()
    made, over = stream(Server(transport=buffer))
    assert made.buffered() == 17
    made.abort()
    assert (buffer.aborted, over) == (True, [])
    made, over = stream(Server())
    assert made.buffered() == 0
    made.abort()
    assert over == ["over"]


async def test_nothing_beats_before_it_begins_and_behind_what_waits() -> None:
    server: Any = Server(transport=Buffer())
    made, _ = stream(server)
    made.stop()
    await made.write("text")
    made.admitted({"ping_seconds": 0})
    beats = made._beats
    assert beats is not None
    await made.write("more")
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(server.events) == 3
    made.stop()

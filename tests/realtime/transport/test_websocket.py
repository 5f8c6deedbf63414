"""A WebSocket as a transport; over real servers in `test_wire.py` and `test_conversation.py`."""

from __future__ import annotations

from typing import Any

from realtime.state.codes import Close
from realtime.transport.transport import Transport
from realtime.transport.websocket import WebSocket


class Server:
    """A server's protocol, with its transport or without."""

    def __init__(self, **known: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.__dict__.update(known)

    async def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)


class Buffer:
    """A server's transport that holds some bytes."""

    aborted = False

    def get_write_buffer_size(self) -> int:
        return 17

    def abort(self) -> None:
        self.aborted = True


async def test_texts_and_codes_go_through_the_servers_send() -> None:
    server = Server()
    socket: Transport = WebSocket(server.send)
    await socket.write("text")
    await socket.close(Close.GOING_AWAY)
    assert server.events == [
        {"type": "websocket.send", "text": "text"},
        {"type": "websocket.close", "code": 4503},
    ]


def test_server_without_a_way_past_its_send_is_never_ready() -> None:
    socket = WebSocket(Server().send)
    assert not socket.ready
    socket.admitted({"client_frame_bytes": 1, "preframed": True})
    assert not socket.ready


def test_client_is_cut_off_and_its_bytes_are_known_where_the_server_lets() -> None:
    buffer = Buffer()
    socket = WebSocket(Server(transport=buffer).send)
    assert socket.buffered() == 17
    socket.abort()
    assert buffer.aborted


def test_server_that_gives_nothing_away_holds_nothing_and_cuts_nobody_off() -> None:
    socket = WebSocket(Server().send)
    assert socket.buffered() == 0
    socket.abort()

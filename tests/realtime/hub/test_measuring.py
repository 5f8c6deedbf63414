"""What the metrics say of a hub's sockets: all are counted, and what each sent is added up once."""

from __future__ import annotations

from realtime.hub.measuring import measure
from realtime.metrics import FRAME_BYTES, FRAMES, SOCKET_BYTES, SOCKETS, SUBSCRIPTIONS
from realtime.state.connections import Connections
from tests.conftest import total
from tests.realtime.pieces import socket


def test_socket_that_sent_something_is_added_up_once_beside_one_that_did_not() -> None:
    connections = Connections()
    idle, busy = socket(1, name="idle"), socket(2, name="busy")
    connections.add(idle)
    connections.add(busy)
    busy.frames, busy.bytes = 3, 30
    frames, sent = total(FRAMES), total(FRAME_BYTES)
    for _ in range(2):
        measure(connections, 5)
        assert (total(FRAMES) - frames, total(FRAME_BYTES) - sent) == (3, 30)
        assert (SOCKETS._value.get(), SUBSCRIPTIONS._value.get()) == (2, 5)
        assert SOCKET_BYTES._value.get() == busy.kept

"""What the metrics say of a hub's sockets."""

from __future__ import annotations

from collections.abc import Iterable

from realtime.metrics import (
    CONFLATIONS,
    FRAME_BYTES,
    FRAMES,
    SOCKET_BYTES,
    SOCKET_BYTES_MAX,
    SOCKETS,
    SUBSCRIPTIONS,
    TAIL_SEEN,
)
from realtime.state.connections import Connections
from realtime.state.sockets import Socket


def measure(connections: Connections, subscriptions: int) -> None:
    """Set the gauges, right after a look of the tail, and add up what was sent."""
    measured = ((socket, socket.measure()) for socket in connections)
    # Of the others, which are most, there is nothing to add up.
    kept = {socket: size for socket, size in measured if size or socket.frames}
    SOCKETS.set(len(connections))
    SOCKET_BYTES.set(sum(kept.values()))
    SOCKET_BYTES_MAX.set(max(kept.values(), default=0))
    SUBSCRIPTIONS.set(subscriptions)
    TAIL_SEEN.set_to_current_time()
    count(kept)


def count(sockets: Iterable[Socket]) -> None:
    """Add up what these sockets have sent since the last call."""
    frames = size = conflated = 0
    for socket in sockets:
        frames += socket.frames
        size += socket.bytes
        conflated += socket.mailbox.conflated
        socket.frames = socket.bytes = socket.mailbox.conflated = 0
    FRAMES.inc(frames)
    FRAME_BYTES.inc(size)
    CONFLATIONS.inc(conflated)

"""uvicorn's WebSocket protocol within bounds: `--ws realtime.transport.on_uvicorn:Protocol`.

uvicorn itself refuses a message above `--ws-max-size` while it arrives. This class ends what no
application sees: messages that do not arrive whole, control frames and fragments without end, and
answers to pings that nobody takes. It parses a little at a time, so that many small frames neither
hold up others nor pile up in memory.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import DATA_OPCODES, Frame
from websockets.streams import StreamReader

from realtime.metrics import CLOSES
from realtime.state.codes import Close
from realtime.state.rate_limit import TokenBucket
from tenants.limits import limits

PING_STEPS: Final = 200
"""Moments between two pings of a socket at which pings go out: few, so that the loop wakes seldom,
but not so few that many pings go out at once."""

PIECE: Final = 4096
"""Bytes that are parsed at once: some hundred frames, if they are empty."""


class Protocol(WebSocketsSansIOProtocol):
    """One socket: a message that has begun arrives whole within `EARSHOT_MESSAGE_SECONDS`.

    Frames that are no message by themselves (pings, pongs, fragments) are bounded as frames are.
    """

    ends_unfinished = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bounds = limits()
        self._seconds: float = bounds["message_seconds"]
        self._bucket = TokenBucket(
            bounds["frames_per_second"], bounds["frames_burst"], self.loop.time()
        )
        self._unread: bytes | memoryview = b""
        self._deadline: asyncio.TimerHandle | None = None

    # What the server asks.

    def schedule_ping(self) -> None:
        """Schedule the next ping at the moment of other sockets' pings.

        With many idle sockets the loop would wake for each ping and again for each answer: waking
        costs as much as they do.
        """
        assert self.ping_interval is not None  # else there are no pings
        step = self.ping_interval / PING_STEPS
        at = self.loop.time() + self.ping_interval - self.last_ping_rtt
        self.ping_timer = self.loop.call_at(math.ceil(at / step) * step, self.send_keepalive_ping)

    # What comes.

    def data_received(self, data: bytes) -> None:
        """Parse the first piece; the others wait until all else has had its turn."""
        self._unread = bytes(self._unread) + data if self._unread else memoryview(data)
        self._parse()

    async def receive(self) -> Any:
        """Return the next event for the application, after which there is room for more."""
        event = await super().receive()
        if not self.read_paused:
            self._parse()
        return event

    def handle_events(self) -> None:
        """Take what was parsed, unless it is more than a client may send."""
        now = self.loop.time()
        for event in self.conn.events:
            if not isinstance(event, Frame) or (event.opcode in DATA_OPCODES and event.fin):
                continue  # the consumer counts messages
            if not self._bucket.allow(now):
                self._fail(Close.TOO_MANY, "too many frames")
                return
        super().handle_events()

    def send_receive_event_to_app(self) -> None:
        """Hand over a whole message."""
        self._disarm()
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer, unless earlier answers are not taken (RFC 6455, 5.5.3: not each needs one)."""
        self._after_control_frame()
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        """Take an answer to a ping of uvicorn's."""
        self._after_control_frame()
        super().handle_pong(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Clear up: the socket is gone."""
        self._disarm()
        self._unread = b""
        super().connection_lost(exc)

    def _parse(self) -> None:
        """Parse one piece of what was read; until no piece is left, nothing more is read."""
        if self._unread and not self.read_paused:
            piece, self._unread = self._unread[:PIECE], self._unread[PIECE:]
            super().data_received(bytes(piece))
        if self.transport.is_closing():
            self._disarm()
            self._unread = b""
            return
        if self._unread:
            self.transport.pause_reading()
            if not self.read_paused:
                self.loop.call_soon(self._parse)
        elif not self.read_paused:
            self.transport.resume_reading()
        self._watch()

    # Messages that do not arrive whole.

    def _watch(self) -> None:
        """Run the timer while more of a message is expected of the client, not of this process."""
        if self.read_paused or self._unread or not self._inside_message():
            self._disarm()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(
                self._seconds,
                self._fail,
                Close.TOO_SLOW,
                "message did not arrive completely in time",
            )

    def _inside_message(self) -> bool:
        """Return whether a frame, or a message of several, has begun and not ended."""
        step = cast(Any, self.conn.parser)
        while step.gi_yieldfrom is not None:
            step = step.gi_yieldfrom
        waits_for_a_frame = step.gi_code is StreamReader.at_eof.__code__
        return self.conn.current_size is not None or not waits_for_a_frame

    def _after_control_frame(self) -> None:
        if self.conn.current_size is None:
            self._disarm()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _fail(self, code: Close, reason: str) -> None:
        """Close the socket, as uvicorn itself does on a violation of the protocol."""
        self._deadline = None
        if self.close_sent or self.transport.is_closing():
            return
        CLOSES.labels(int(code)).inc()
        self.conn.fail(int(code), reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": int(code), "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

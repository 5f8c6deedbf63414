"""Wires: how texts reach a server that takes them without waiting, from outside the socket's task.

uvicorn's `websockets-sansio` protocol does: its `send` waits for nothing while its transport is
writable. With `EARSHOT_PREFRAMED` even that is left out, and one set of bytes serves all sockets: a
server's frames are not masked (RFC 6455, section 5.1). Other servers have no wire.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from realtime.state.sockets import KEPT_CHARACTERS
from realtime.transport.servers import protocol as server_of

if TYPE_CHECKING:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MODULE: Final = "uvicorn.protocols.websockets.websockets_sansio_impl"


class SendWaited(RuntimeError):
    """A server's send blocked although its transport was writable."""

    def __init__(self) -> None:
        super().__init__(
            "The server's send blocked on a writable transport: is this the pinned uvicorn release?"
        )


class Wire:
    """The server's own `send` of one socket whose handshake is done."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol

    @property
    def ready(self) -> bool:
        """Whether a text would be taken now: what uvicorn's own `send` asks or waits for."""
        p = self._protocol
        return p.writable.is_set() and not (
            p.disconnected or p.close_sent or p.transport.is_closing()
        )

    def write(self, text: str) -> None:
        """Send a text frame; nothing may be awaited since the wire was `ready`."""
        sending = self._protocol.send({"type": "websocket.send", "text": text})
        try:
            sending.send(None)
        except StopIteration:
            return
        sending.close()
        raise SendWaited


class PreframedWire(Wire):
    """Its transport, which is given frames that are framed once."""

    __slots__ = ()

    def write(self, text: str) -> None:
        frame = framed if len(text) <= KEPT_CHARACTERS else framed.__wrapped__
        self._protocol.transport.write(frame(text))


@lru_cache(maxsize=16)
def framed(text: str) -> bytes:
    """One unmasked, final text frame (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 2**16:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


def wire(send: Any, *, preframed: bool) -> Wire | None:
    """The wire behind an ASGI `send` after the handshake; None where there is only the send.

    A client that has agreed on compression gets no frames that are framed for all.
    """
    serving = sys.modules.get(MODULE)  # not imported: under another server there may be no uvicorn
    protocol = server_of(send)
    if serving is None or not isinstance(protocol, serving.WebSocketsSansIOProtocol):
        return None
    if preframed and not protocol.conn.extensions:
        return PreframedWire(protocol)
    return Wire(protocol)

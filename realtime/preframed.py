"""Sending without the server's `send`: frames that are framed once, straight to the transport.

A server's WebSocket frames are not masked (RFC 6455, section 5.1), so one set of bytes serves all
sockets. `EARSHOT_PREFRAMED` turns it on, for uvicorn's `websockets-sansio` protocol alone; a socket
whose client has agreed on compression takes the ordinary way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


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


class Wire:
    """The transport of one socket whose handshake is done."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol

    @property
    def ready(self) -> bool:
        """Whether a write would be taken now: what uvicorn's own `send` asks or waits for."""
        p = self._protocol
        return p.writable.is_set() and not (
            p.disconnected or p.close_sent or p.transport.is_closing()
        )

    def write(self, text: str) -> None:
        """Send a text frame; nothing may be awaited since the transport was `ready`."""
        self._protocol.transport.write(framed(text))


def wire(send: Any) -> Wire | None:
    """The wire behind an ASGI `send` after the handshake; None where there is only the send."""
    protocol = getattr(send, "__self__", None)
    if not isinstance(protocol, WebSocketsSansIOProtocol) or protocol.conn.extensions:
        return None
    return Wire(protocol)

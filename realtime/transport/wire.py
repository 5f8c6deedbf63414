"""Wires: how texts reach a server that takes them without waiting, from outside the socket's task.

uvicorn's `websockets-sansio` protocol does: its `send` waits for nothing while its transport is
writable. Where it is seen to write just that, even `send` is left out, and one set of bytes serves
all sockets: a server's frames are not masked (RFC 6455, section 5.1). Other servers have no wire.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Hashable
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from realtime.state.sockets import KEPT_CHARACTERS
from realtime.transport.servers import protocol as server_of

if TYPE_CHECKING:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

logger = logging.getLogger(__name__)

MODULE: Final = "uvicorn.protocols.websockets.websockets_sansio_impl"

TRIED: Final = ("", "\u00e9", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536)
"""Texts of each of the three lengths of a frame's header (RFC 6455, section 5.2)."""


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
        """Return whether a text would be taken now: what uvicorn's own `send` asks or waits for."""
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
    """A wire that gives the transport frames that are framed once for all sockets."""

    __slots__ = ()

    def write(self, text: str) -> None:
        frame = framed if len(text) <= KEPT_CHARACTERS else framed.__wrapped__
        self._protocol.transport.write(frame(text))


@lru_cache(maxsize=16)
def framed(text: str) -> bytes:
    """Return one unmasked, final text frame (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 2**16:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


@cache
def is_recognised(protocol: Hashable) -> bool:
    """Return whether a server's protocol class, when tried, sends what `framed` gives.

    Another release may frame otherwise, or keep its state elsewhere: then it is left to itself.
    """
    serving = sys.modules[MODULE]
    try:
        return all(_sent_by(protocol, serving, text) == framed.__wrapped__(text) for text in TRIED)
    except Exception as error:
        logger.info("Texts go through the server's own send (%s).", type(error).__name__)
        return False


def _sent_by(protocol: Any, serving: Any, text: str) -> bytes:
    """Return what this protocol's `send` writes for a text once its handshake is done."""
    written: list[bytes] = []
    tried: Any = protocol.__new__(protocol)
    tried.conn = serving.ServerProtocol()
    tried.conn.state = tried.conn.state.OPEN
    tried.transport = SimpleNamespace(write=written.append)
    tried.writable = asyncio.Event()
    tried.writable.set()
    tried.disconnected = tried.close_sent = False
    tried.handshake_complete, tried.initial_response = True, None
    Wire(tried).write(text)
    return b"".join(written)


def wire(send: Any, *, preframed: bool) -> Wire | None:
    """Return the wire behind an ASGI `send` after the handshake; None where there is only the send.

    A client that has agreed on compression gets no frames that are framed for all.
    """
    serving = sys.modules.get(MODULE)  # not imported: under another server there may be no uvicorn
    protocol = server_of(send)
    if serving is None or not isinstance(protocol, serving.WebSocketsSansIOProtocol):
        return None
    if preframed and not protocol.conn.extensions and is_recognised(protocol.__class__):
        return PreframedWire(protocol)
    return Wire(protocol)

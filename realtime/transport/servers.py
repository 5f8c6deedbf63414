"""What the server behind an ASGI `send` lets be known and done, and what it leaves unbounded."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Protocol

logger = logging.getLogger(__name__)

BOUNDED = "start uvicorn with --ws-max-size {most} --ws realtime.transport.on_uvicorn:Protocol"

_told: set[str] = set()


class ServerTransport(Protocol):
    """The server's end of a connection."""

    def get_write_buffer_size(self) -> int:
        """Bytes that the client has not taken."""

    def abort(self) -> None:
        """Cut the client off."""


def protocol(send: Any) -> Any:
    """The server's protocol of the socket: uvicorn's `send` is its method, Daphne's knows it."""
    if isinstance(send, partial):
        return send.args[0] if send.args else None
    return getattr(send, "__self__", None)


def server_transport(send: Any) -> ServerTransport | None:
    """The transport behind a `send`; None where the server, as the `daphne` command, has none."""
    serving = protocol(send)
    found: ServerTransport | None = getattr(serving, "outlet", None) or getattr(
        serving, "transport", None
    )
    return found if hasattr(found, "get_write_buffer_size") else None


def greatest_message(send: Any) -> int | None:
    """The size above which the server refuses a message while it arrives; None: not known."""
    serving = protocol(send)
    config = getattr(serving, "config", None)
    size: int | None = getattr(config, "ws_max_size", None) or getattr(
        serving, "maxMessagePayloadSize", None
    )
    return size


def check(send: Any, most: int) -> None:
    """Say once if the server takes larger messages than this, or waits for ever for one."""
    size = greatest_message(send)
    if size is None:
        return
    if size > most:
        _tell(f"The server accepts messages of {size} bytes, more than the allowed {most}", most)
    if not getattr(protocol(send), "ends_unfinished", False):
        _tell("The server waits forever for a message that does not arrive completely", most)


def _tell(what: str, most: int) -> None:
    if what not in _told:
        _told.add(what)
        logger.warning("%s: %s, or `python -m project`.", what, BOUNDED.format(most=most))

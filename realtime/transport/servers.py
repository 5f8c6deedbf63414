"""What the server behind an ASGI `send` lets others know and do, and what it leaves unbounded."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Protocol

logger = logging.getLogger(__name__)

BOUNDED = f"start uvicorn with --ws-max-size {{most}} --ws {__package__}.on_uvicorn:Protocol"

_told: set[str] = set()


class ServerTransport(Protocol):
    """The server's end of a connection."""

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not taken."""

    def abort(self) -> None:
        """Cut the client off."""


def protocol(send: Any) -> Any:
    """Return the server's protocol behind a `send`: uvicorn's is its method, Daphne's binds it."""
    if isinstance(send, partial):
        return send.args[0] if send.args else None
    return getattr(send, "__self__", None)


def server_transport(send: Any) -> ServerTransport | None:
    """Return the transport behind a `send`; None without one, as with the `daphne` command."""
    serving = protocol(send)
    found: ServerTransport | None = getattr(serving, "outlet", None) or getattr(
        serving, "transport", None
    )
    return found if hasattr(found, "get_write_buffer_size") else None


def greatest_message(send: Any) -> int | None:
    """Return the size above which the server refuses a message as it arrives; None if not known."""
    serving = protocol(send)
    config = getattr(serving, "config", None)
    size: int | None = getattr(config, "ws_max_size", None) or getattr(
        serving, "maxMessagePayloadSize", None
    )
    return size


def check(send: Any, most: int) -> None:
    """Warn once if the server takes larger messages than this, or waits for ever for one."""
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

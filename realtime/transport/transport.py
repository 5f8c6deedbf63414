"""What a sender needs of a connection: each way of connecting is one file that offers this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from realtime.state.codes import Close


class Transport(Protocol):
    """One client's connection, as its sender uses it."""

    def admitted(self, limits: Mapping[str, Any]) -> None:
        """Begin: whoever is there may stay, and has these limits."""

    @property
    def ready(self) -> bool:
        """Return whether `write_now` would be taken."""

    def write_now(self, text: str) -> None:
        """Send a text without waiting; nothing may be awaited since the transport was `ready`."""

    async def write(self, text: str) -> None:
        """Send a text, however long the client takes. Raise OSError if the client went."""

    async def close(self, code: Close) -> None:
        """End the connection with a code, however long that takes."""

    def buffered(self) -> int:
        """Return how many bytes below this transport the client has not taken."""

    def abort(self) -> None:
        """Cut the client off, where that can be done."""

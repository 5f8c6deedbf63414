"""What a stream's client has sent: the frames that wait to be obeyed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from tenants.limits import limits

OVERHEAD: Final = 64
"""Bytes that a frame costs, however short it is."""

END: Final = None


class Inbox:
    """The client's frames that wait, and at last `END`; no more of them than of one body."""

    def __init__(self, flooded: Callable[[], object]) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._flooded = flooded
        self._most = limits()["body_bytes"] + OVERHEAD * limits()["frames_burst"]
        self._held = 0
        self._closed = False

    def put(self, frames: Iterable[bytes]) -> None:
        """Have these obeyed, in their order; nothing if they are too many or come too late."""
        if self._closed:
            return
        for frame in frames:
            self._held += len(frame) + OVERHEAD
            self._frames.put_nowait(frame)
        if self._held > self._most:
            self._close()
            self._flooded()

    def end(self) -> None:
        """Have nothing more obeyed."""
        self._close()
        self._frames.put_nowait(END)

    async def next(self) -> bytes | None:
        """Return the next frame, or `END`."""
        frame = await self._frames.get()
        self._held -= 0 if frame is END else len(frame) + OVERHEAD
        return frame

    def _close(self) -> None:
        self._closed = True
        self._held = 0
        while not self._frames.empty():
            self._frames.get_nowait()

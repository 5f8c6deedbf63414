"""Going away: at SIGTERM a process empties its mailboxes and closes its sockets, spread over time.

Servers close all sockets at once (uvicorn, 1012) or only drop them (Daphne), and all clients come
back in the same second. So, as soon as there is a hub, a handler is put before the server's own; it
drains, and passes the signal on. A second signal does not wait.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from types import FrameType
from typing import Final

from realtime.state.codes import Close
from realtime.state.sockets import Socket

logger = logging.getLogger(__name__)

LAST_SECONDS: Final = 1.0
"""How long the last close frames may take before the server ends."""


class Drain:
    """Whether this process is going away, and what it does first."""

    def __init__(self) -> None:
        self.draining = False
        self._server: Callable[[int, FrameType | None], object] | None = None
        self._task: asyncio.Task[None] | None = None

    def install(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have `work` done at SIGTERM, on this loop, before the signal reaches the server.

        Only where a server has a handler of its own, and only once.
        """
        server = signal.getsignal(signal.SIGTERM)
        if self._server is not None or not callable(server):
            return
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        self._server = server
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(self._start, work))

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        if self.draining:  # the second time
            self._pass_on()
            return
        self.draining = True
        logger.warning(
            "Shutting down: closing sockets with 4503, spread over EARSHOT_DRAIN_SECONDS."
        )
        self._task = asyncio.get_running_loop().create_task(self._finish(work))

    async def _finish(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            logger.exception("Draining failed; the server stops now.")
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._server is not None:
            signal.signal(signal.SIGTERM, self._server)
            self._server = None
            signal.raise_signal(signal.SIGTERM)


async def close_all(sockets: Collection[Socket], seconds: float, gone: asyncio.Event) -> None:
    """Close all sockets within so many seconds, evenly spaced; what waits is sent first.

    Return when they have `gone`, or soon after the last was closed.
    """
    for socket in sockets:
        socket.mailbox.finish(Close.GOING_AWAY)
        await asyncio.sleep(seconds / len(sockets))
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            await gone.wait()


drain = Drain()

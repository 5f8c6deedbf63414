"""The heartbeat: a process without one is presumed dead, and others end what it had.

It waits for nothing else that the process does: it has a task and a thread of its own, and is one
write of one row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections

from realtime.audit import ledger
from realtime.audit.ledger import Ledger
from realtime.failures import database, log_failure
from tenants.connections import reserve

logger = logging.getLogger(__name__)


class Heartbeat:
    """The heartbeat of a hub's process; calls `on_revival` if the process was presumed dead, since
    all that the ledger had of it was ended, and has to be written anew."""

    def __init__(self, ledger: Ledger, on_revival: Callable[[], None]) -> None:
        self._ledger = ledger
        self._on_revival = on_revival
        self._thread = ThreadPoolExecutor(1, "earshot-heartbeat", initializer=reserve)

    async def run(self, seconds: float) -> None:
        """Beat for ever, with pauses of so many seconds."""
        while True:
            try:
                await self.beat()
                database.over()
            except Exception as error:
                log_failure(logger, "A heartbeat failed; trying again at the next one", error)
            await asyncio.sleep(seconds)

    async def beat(self) -> None:
        """Beat once."""
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._thread, _beat, self._ledger.process):
            await self._ledger.start()
            self._on_revival()

    def shutdown(self) -> None:
        """End the thread; block until its work is done."""
        self._thread.shutdown(cancel_futures=True)


def _beat(process: int) -> bool:
    try:
        return ledger.beat(process)
    finally:
        close_old_connections()

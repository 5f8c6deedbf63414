"""The sign of life: a process that gives none is held for lost, and others end what it had.

It waits for nothing else that the process does: it has a task and a thread of its own, and is one
write of one row.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from django.db import close_old_connections

from realtime.audit import ledger
from realtime.failures import database, log_failure

if TYPE_CHECKING:
    from realtime.hub.hub import Hub

logger = logging.getLogger(__name__)


async def run(hub: Hub) -> None:
    """Give signs of life for ever."""
    while True:
        try:
            await beat(hub)
            database.over()
        except Exception as error:
            log_failure(logger, "A sign of life failed; the next one comes", error)
        await asyncio.sleep(hub.limits["tail_seconds"])


async def beat(hub: Hub) -> None:
    """Give one; if the process was held for lost, all that it has is written anew."""
    loop = asyncio.get_running_loop()
    if await loop.run_in_executor(hub.life, _beat, hub.ledger.process):
        return
    await hub.ledger.start()
    for rounds in hub.rounds.values():
        for subscription in rounds.index.all:
            subscription.opened = None
        rounds.ask(rounds.index.all)
    for socket in hub.attendance:
        socket.registered = False
        hub.check(socket)


async def look_at_others(hub: Hub) -> None:
    """End what lost processes left, and learn how many sockets the others have of tenants that
    somebody came to."""
    asked = hub.attendance.asked.copy()
    hub.attendance.learn(asked, await hub.ledger.look(asked))


def _beat(process: int) -> bool:
    try:
        return ledger.beat(process)
    finally:
        close_old_connections()

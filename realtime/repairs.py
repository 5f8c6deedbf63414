"""Repairs: what no hook saw is written as if one had, and comes back in the ordinary way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from permissions.rendering import Ref
from realtime import reading
from realtime.failures import log_failure
from realtime.metrics import DRIFT
from realtime.subscriptions import Subscription

logger = logging.getLogger(__name__)

Run = Callable[..., Awaitable[Any]]
"""Runs a plain function with its arguments on a thread of the hub's."""


class Repairs:
    """Writes the rows that are missing for one tenant, in the background, and counts them."""

    def __init__(self, tenant_id: int, run: Run) -> None:
        self.tasks: dict[object, asyncio.Task[None]] = {}
        self._tenant_id = tenant_id
        self._run = run

    def access(self, s: Subscription) -> None:
        """A user's audience of an object moved without a row in the access log."""
        self._start("access", s.ref, reading.repair_access, s.user_id, s.ref)

    def change(self, s: Subscription, read: int) -> None:
        """An object's payload moved without a new version, or its version (`read`) was lowered."""
        self._start("change", s.ref, reading.repair_change, s.ref, read, s.version)

    def _start(self, what: str, ref: Ref, work: Callable[..., bool], *args: Any) -> None:
        """Repair it, unless that is under way: everybody who sees the object finds the same."""
        key = (work, *args)
        if key not in self.tasks:
            task = asyncio.get_running_loop().create_task(self._repair(what, ref, work, *args))
            self.tasks[key] = task
            task.add_done_callback(lambda _: self.tasks.pop(key))

    async def _repair(self, what: str, ref: Ref, work: Callable[..., bool], *args: Any) -> None:
        try:
            repaired = await self._run(work, self._tenant_id, *args)
        except Exception as error:
            log_failure(logger, "A repair failed; the next sweep tries again", error)
            return
        if repaired:
            DRIFT.labels(ref.model, what).inc()
            logger.warning("A write to %s (%s) escaped the hooks; repaired.", ref.model, what)

"""Repairs: what no hook saw is written as if one had seen it, and comes back in the ordinary way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

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
        self._tenant_id = tenant_id
        self._run = run
        self.tasks: set[asyncio.Future[Any]] = set()

    def access(self, s: Subscription) -> None:
        """A user's audience of an object moved without a row in the access log."""
        logger.warning("An access change of %s escaped the log; repairing it.", s.ref.model)
        DRIFT.labels(s.ref.model, "access").inc()
        self._start(reading.repair_access, self._tenant_id, s.user_id, s.ref)

    def change(self, s: Subscription) -> None:
        """An object's payload moved without a new version."""
        logger.warning("A change of %s escaped its version; repairing it.", s.ref.model)
        DRIFT.labels(s.ref.model, "change").inc()
        self._start(reading.repair_change, self._tenant_id, s.ref, s.version)

    def _start(self, work: Callable[..., Any], *args: Any) -> None:
        task = asyncio.ensure_future(self._run(work, *args))
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log_failure(logger, "A repair failed; the next sweep tries again", error)

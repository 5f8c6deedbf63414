"""Chaining in the background of a server process, which leaves time for everything else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from realtime.audit import chaining
from realtime.failures import log_failure

logger = logging.getLogger(__name__)


async def chain(run: Callable[..., Awaitable[Any]], seconds: float) -> None:
    """Chain forever, pausing `seconds` in between, unless another process has just done so."""
    while True:
        await asyncio.sleep(seconds)
        try:
            if await run(chaining.claim, seconds):
                await _unhurried(run)
        except Exception as error:
            log_failure(logger, "The ledger could not be chained; trying again", error)


async def _unhurried(run: Callable[..., Awaitable[Any]]) -> None:
    """Chain what was committed; after each transaction, rest for as long as it took."""
    steps = chaining.committed()
    began = time.monotonic()
    while await run(next, steps, None) is not None:
        await asyncio.sleep(time.monotonic() - began)
        began = time.monotonic()

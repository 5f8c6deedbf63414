"""The outbox: what committed in this process and is still to be announced, by a thread of its own.

A save never waits for the broker: it leaves the name of what it wrote here and returns. Several
changes of one object that wait together are announced once. What is lost here, with the process or
the broker, is found by the tail of every process that has subscribers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from concurrent.futures import wait
from typing import TYPE_CHECKING, Final

from realtime.failures import log_failure
from realtime.metrics import PUBLISH_FAILURES
from tenants.connections import reserve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from permissions.rendering import Ref
    from realtime.notifications import Message

logger = logging.getLogger(__name__)

EXIT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.5


class Outbox:
    """Collects announcements from any thread; its worker publishes them in batches."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._changed: dict[tuple[int, Ref], int] = {}
        self._committed: dict[tuple[int, Ref], float] = {}
        self._noticed: dict[int, None] = {}
        self._busy = False
        self._worker: threading.Thread | None = None
        self._state = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send on this loop, where the hub's connections are; None: on the worker's own."""
        self._loop = loop

    def change(self, versions: Iterable[tuple[int, Ref, int]]) -> None:
        """Announce (tenant id, Ref, version)s together; the lowest that waits is kept for each.

        Called right after their commit, which is why that is taken to be now.
        """
        now = time.time()
        with self._state:
            for tenant_id, ref, version in versions:
                waiting = self._changed.get((tenant_id, ref), version)
                self._changed[tenant_id, ref] = min(waiting, version)
                self._committed.setdefault((tenant_id, ref), now)
            self._wake()

    def notice(self, tenant_id: int) -> None:
        """Announce that access changed in a tenant."""
        with self._state:
            self._noticed[tenant_id] = None
            self._wake()

    def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Wait until nothing is left to announce; False if that takes longer."""
        with self._state:
            return self._state.wait_for(self._idle, seconds)

    def _idle(self) -> bool:
        return not (self._changed or self._noticed or self._busy)

    def _wake(self) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="earshot-outbox", daemon=True)
            self._worker.start()
        self._state.notify_all()

    def _work(self) -> None:
        from realtime import notifications

        reserve()
        with asyncio.Runner() as runner:
            while True:
                with self._state:
                    self._busy = False
                    self._state.notify_all()
                    self._state.wait_for(lambda: self._changed or self._noticed)
                    changed, self._changed = self._changed, {}
                    committed, self._committed = self._committed, {}
                    noticed, self._noticed = self._noticed, {}
                    self._busy = True
                messages = notifications.publish(changed, noticed)
                try:
                    notifications.date(messages, committed)
                    self._send(runner, messages)
                except Exception as error:
                    PUBLISH_FAILURES.inc(len(messages))
                    log_failure(logger, "Announcing failed; the tail delivers the changes", error)

    def _send(self, runner: asyncio.Runner, messages: list[Message]) -> None:
        from realtime import notifications

        loop = self._loop
        if loop is None or not loop.is_running():
            runner.run(notifications.send(messages))
            return
        sending = notifications.send(messages)
        try:
            future = asyncio.run_coroutine_threadsafe(sending, loop)
            while not wait([future], LOOK_SECONDS).done:
                if not loop.is_running():
                    raise LoopStopped
            future.result()
        finally:
            sending.close()


class LoopStopped(RuntimeError):
    """The server's event loop ended while it was sending."""


outbox = Outbox()
# Before the interpreter closes all executors, without which a broker's host name is not resolved:
# `atexit` would be too late.
threading._register_atexit(outbox.flush)  # type: ignore[attr-defined]
os.register_at_fork(after_in_child=outbox._reset)

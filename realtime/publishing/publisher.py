"""The publisher: announces what this process committed, on a thread of its own.

A write never waits for the broker: after its commit it wakes the thread, which looks in the logs.
Several changes of one object that a look finds are announced once. What is lost here, with the
process or the broker, is found by the tail of every process that has subscribers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from concurrent.futures import wait
from typing import Final

from django.db import close_old_connections, connections

from realtime.capture.committed import Own
from realtime.failures import log_failure
from realtime.metrics import PUBLISH_FAILURES
from realtime.publishing import notifications
from realtime.publishing.notifications import Sent
from tenants.connections import reserve

logger = logging.getLogger(__name__)

EXIT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.5


class Publisher:
    """Wakes on a call from any thread; its worker publishes what has committed until then."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self.own = Own()
        self._woken_at: float | None = None
        self._busy = self._held = False
        self._worker: threading.Thread | None = None
        self._state = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send on this loop, where the hub's connections are; None: on the worker's own."""
        self._loop = loop

    def wake(self) -> None:
        """Have a commit announced.

        Called right after the commit, so the time of the commit is taken to be now.
        """
        with self._state:
            if self._woken_at is None:
                self._woken_at = time.time()
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="earshot-publisher", daemon=True
                )
                self._worker.start()
            self._state.notify_all()

    def hold(self) -> None:
        """Announce nothing until `release`: the tables are being changed."""
        with self._state:
            self._held = True
            self._state.wait_for(lambda: not self._busy, EXIT_SECONDS)

    def release(self) -> None:
        """Announce what has committed meanwhile."""
        with self._state:
            self._held = False
            self._state.notify_all()

    def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Wait until nothing is left to announce; return False if that takes longer."""
        with self._state:
            return self._state.wait_for(self._idle, seconds)

    def _idle(self) -> bool:
        return not (self._due() or self._busy)

    def _due(self) -> bool:
        return self._woken_at is not None and not self._held

    def _work(self) -> None:
        reserve()
        with asyncio.Runner() as runner:
            while True:
                with self._state:
                    self._busy = False
                    self._state.notify_all()
                    self._state.wait_for(self._due)
                    woken_at, self._woken_at = self._woken_at, None
                    self._busy = True
                self._announce(runner, woken_at)

    def _announce(self, runner: asyncio.Runner, since: float | None) -> None:
        messages: list[Sent] = []
        try:
            close_old_connections()  # one that was left in a transaction takes no snapshot
            messages = notifications.publish(self.own.read())
            notifications.date(messages, since)
            self._send(runner, messages)
        except Exception as error:
            PUBLISH_FAILURES.inc(max(1, len(messages)))
            log_failure(logger, "Announcing failed; the tail delivers the changes", error)
            connections.close_all()  # in whatever state this thread's is

    def _send(self, runner: asyncio.Runner, messages: list[Sent]) -> None:
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


publisher = Publisher()
# Before the interpreter closes all executors, without which no broker's host name is resolved:
# `atexit` would be too late.
threading._register_atexit(publisher.flush)  # type: ignore[attr-defined]
os.register_at_fork(after_in_child=publisher._reset)

"""The outbox: what committed in this process and is still to be announced, by a thread of its own.

A save never waits for the broker: it leaves the name of what it wrote here and returns. Several
changes of one object that wait together are announced once. What is lost here, with the process or
the broker, is found by the tail of every process that has subscribers.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from permissions.rendering import Ref

logger = logging.getLogger(__name__)

EXIT_SECONDS: Final = 2.0
SEND_SECONDS: Final = 10.0


class Outbox:
    """Collects announcements from any thread; its worker publishes them in batches."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._changed: dict[tuple[int, Ref], int] = {}
        self._noticed: dict[int, None] = {}
        self._busy = False
        self._worker: threading.Thread | None = None
        self._state = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send on this loop, where the hub's connections are; None: on the worker's own."""
        self._loop = loop

    def change(self, tenant_id: int, ref: Ref, version: int) -> None:
        """Announce a version of an object; the lowest one that waits is kept."""
        with self._state:
            waiting = self._changed.get((tenant_id, ref), version)
            self._changed[tenant_id, ref] = min(waiting, version)
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

        with asyncio.Runner() as runner:
            while True:
                with self._state:
                    self._busy = False
                    self._state.notify_all()
                    self._state.wait_for(lambda: self._changed or self._noticed)
                    changed, self._changed = self._changed, {}
                    noticed, self._noticed = self._noticed, {}
                    self._busy = True
                try:
                    messages = notifications.publish(changed, noticed)
                    self._send(runner, notifications.send(messages))
                except Exception:
                    # The changes stay in the database, where every hub's tail finds them.
                    logger.exception("Announcing %d changes failed.", len(changed))

    def _send(self, runner: asyncio.Runner, sending: object) -> None:
        coroutine: asyncio._CoroutineLike[None] = sending  # type: ignore[assignment, name-defined]
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SEND_SECONDS)
        else:
            runner.run(coroutine)  # type: ignore[arg-type]


outbox = Outbox()
atexit.register(outbox.flush)
os.register_at_fork(after_in_child=outbox._reset)

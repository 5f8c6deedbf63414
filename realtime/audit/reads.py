"""The record of what was answered over REST: a row for each reader, object, audience and minute.

It is written behind the answers, by a thread of the process. When too much waits, the request that
adds to it writes it first: nothing is left out, and nothing is answered that cannot be recorded.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from django.db import close_old_connections, connections
from django.utils import timezone

from permissions.disclosures import Disclosed
from realtime.audit.models import Read
from realtime.capture.batches import BATCH
from realtime.failures import log_failure
from tenants.connections import reserve
from tenants.limits import limits

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 0.2
"""How long rows gather before they are written together; also the time between two attempts."""

Waiting = tuple[Disclosed, datetime]


def write(rows: Iterable[Waiting]) -> None:
    """Write these rows; those that are there already stay as they are."""
    Read.objects.bulk_create(
        (
            Read(
                tenant_id=each.tenant_id,
                user_id=each.user_id,
                model=each.model,
                object_id=each.pk,
                audience=each.audience,
                minute=minute,
            )
            for each, minute in sorted(rows)
        ),
        batch_size=BATCH,
        ignore_conflicts=True,
    )


class Recorder:
    """A process's rows that wait to be written, and the thread that writes them."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._waiting: set[Waiting] = set()
        self._state = threading.Condition()
        self._writing = threading.Lock()
        self._worker: threading.Thread | None = None

    def record(self, disclosed: Collection[Disclosed]) -> None:
        """Have these written soon; raise what the database raises if too much waits already."""
        minute = timezone.now().replace(second=0, microsecond=0)
        new = {(each, minute) for each in disclosed}
        with self._state:
            full = len(self._waiting) + len(new) > limits()["reads_waiting"]
        if full:
            self.write()
        with self._state:
            self._waiting |= new
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="earshot-reads", daemon=True
                )
                self._worker.start()
            self._state.notify_all()

    def write(self) -> None:
        """Write all that waits now; if that fails, it waits again."""
        with self._writing:
            with self._state:
                rows, self._waiting = self._waiting, set()
            if not rows:
                return
            try:
                write(rows)
            except BaseException:
                with self._state:
                    self._waiting |= rows
                raise

    def flush(self) -> None:
        """Write what waits, as the process ends; what cannot be written is lost."""
        try:
            self.write()
        except Exception as error:
            log_failure(logger, f"Reads that are not recorded: {len(self._waiting)}", error)

    def _work(self) -> None:
        reserve()
        me = threading.current_thread()
        while True:
            with self._state:
                self._state.wait_for(lambda: self._waiting or self._worker is not me)
            time.sleep(PAUSE_SECONDS)
            if self._worker is not me:  # another writes now
                return
            try:
                close_old_connections()
                self.write()
            except Exception as error:
                log_failure(logger, "Reads could not be recorded; trying again", error)
                connections.close_all()  # in whatever state this thread's is


recorder: Final = Recorder()
# As of the publisher: `atexit` would be too late for a pool of connections.
threading._register_atexit(recorder.flush)  # type: ignore[attr-defined]
os.register_at_fork(after_in_child=recorder._reset)

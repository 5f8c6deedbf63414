"""The oracle: reads some of the delivered frames again, as their reader over REST, and compares.

It holds up nobody: what is delivered is put into a bounded queue, and left out where that is full.
One thread with one database connection reads what has come in one snapshot, and then rests, so
that it takes no larger share of a core than the sweep may. (A low priority would not do: a thread
that waits for a core while it holds the interpreter holds up the others.)
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from random import random
from time import monotonic, thread_time
from typing import Any, Final, NamedTuple

from django.db import close_old_connections, connections

from permissions.audiences import Resource, registry
from permissions.read import Again, Pair, read_again
from permissions.review.never import forbidden
from realtime.failures import log_failure
from realtime.metrics import ORACLE, ORACLE_DIFFERENCES
from realtime.state.comparing import Sent, differences, shown_against
from realtime.state.frames import Frame
from realtime.state.mailbox import Mailbox
from realtime.state.subscriptions import Subscription
from tenants import opaque
from tenants.connections import reserve
from tenants.users import User

logger = logging.getLogger(__name__)

ITEM_BYTES: Final = 512
LOOKS: Final = 2
"""Looks of the tail after which whatever another row's change concerns has a new version."""

LATER_SECONDS: Final = 1.0
"""How often it is looked whether the time of such a frame has come."""

FLUSH_SECONDS: Final = 30.0


class Waiting(NamedTuple):
    """A frame to be compared; one that differed before differs for good after `until`."""

    sent: Sent
    until: float | None = None


class Oracle:
    """One in a process: `watch` has a mailbox tell it of what is delivered."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._state = threading.Condition()
        self._queue: list[Waiting] = []
        self._later: list[Waiting] = []
        self._bytes = 0
        self._busy = self._hurried = False
        self._worker: threading.Thread | None = None
        self._limits: Mapping[str, Any] = {}

    def watch(self, mailbox: Mailbox, limits: Mapping[str, Any]) -> None:
        """Compare the share of this mailbox's frames that the limits say."""
        if limits["oracle"]:
            self._limits = limits
            mailbox.delivered = self.deliver

    def deliver(self, subscription: Subscription, frame: Frame, text: str) -> None:
        """Have a delivered frame compared, if it is one of the share and there is room."""
        if random() >= self._limits["oracle"]:  # noqa: S311 -- a sample
            return
        socket = subscription.socket
        sent = Sent(
            socket.id, socket.tenant_id, subscription.pair, subscription.id, frame.seen, text
        )
        with self._state:
            if self._bytes + _weight(sent) > self._limits["oracle_bytes"]:
                ORACLE.labels("left out").inc()
                return
            self._bytes += _weight(sent)
            self._queue.append(Waiting(sent))
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="earshot-oracle", daemon=True
                )
                self._worker.start()
            self._state.notify_all()

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Compare all that waits, now; return False if that takes longer."""
        with self._state:
            self._hurried = True
            self._state.notify_all()
            try:
                return self._state.wait_for(self._idle, seconds)
            finally:
                self._hurried = False

    def _idle(self) -> bool:
        return not (self._queue or self._later or self._busy)

    def _due(self) -> bool:
        return bool(self._queue or self._again())

    def _again(self) -> list[Waiting]:
        """Those whose time has come to be read once more."""
        now = monotonic()
        return [w for w in self._later if self._hurried or (w.until or 0.0) <= now]

    def _work(self) -> None:
        reserve()
        while True:
            with self._state:
                while not self._due():
                    self._state.wait(LATER_SECONDS if self._later else None)
                batch = self._take()
                self._busy = True
            cpu = thread_time()
            self._compare(batch)
            self._rest((thread_time() - cpu) / self._limits["sweep_budget"])

    def _rest(self, seconds: float) -> None:
        """Leave the processor to others, unless somebody waits for the end."""
        with self._state:
            self._busy = False
            self._state.notify_all()
            self._state.wait_for(lambda: self._hurried, seconds)

    def _take(self) -> list[Waiting]:
        due = self._again()
        self._later = [w for w in self._later if w not in due]
        most = self._limits["round_size"]
        batch, self._queue = self._queue[:most], self._queue[most:]
        return [*due, *batch]

    def _compare(self, batch: Collection[Waiting]) -> None:
        wanted: defaultdict[int, set[Pair]] = defaultdict(set)
        for each in batch:
            wanted[each.sent.tenant_id].add(each.sent.pair)
        again: list[Waiting] = []
        try:
            close_old_connections()
            read = read_again(wanted)
            again = [w for w in (self._judge(each, read) for each in batch) if w is not None]
        except Exception as error:
            ORACLE.labels("failed").inc(len(batch))
            log_failure(logger, "Delivered frames could not be compared with REST", error)
            connections.close_all()  # in whatever state this thread's is
        finally:
            close_old_connections()
            with self._state:
                self._later += again
                self._bytes -= sum(_weight(each.sent) for each in batch)
                self._bytes += sum(_weight(each.sent) for each in again)

    def _judge(self, waiting: Waiting, read: Again) -> Waiting | None:
        """Count what came of a frame; return it if it is to be read once more."""
        sent = waiting.sent
        resource = registry.get(sent.seen.key.model)
        never = shown_against(sent, forbidden(resource, sent.seen.audience))
        now = read.seen[sent.tenant_id, sent.pair]
        found = differences(sent, read.revisions[sent.tenant_id], now)
        if not never and found and waiting.until is None and _may_settle(resource, found):
            return Waiting(sent, monotonic() + LOOKS * self._limits["tail_seconds"])
        if never or found:
            _tell(sent, (*never, *(found or ())))
        ORACLE.labels("different" if never or found else "same" if found == () else "moved").inc()
        return None


def _may_settle(resource: Resource, found: Collection[str]) -> bool:
    """Whether only fields that show other rows differ: the object's version may still rise."""
    return {*found} <= {"etag", *(f"payload.{show.field}" for show in resource.shows)}


def _weight(sent: Sent) -> int:
    return ITEM_BYTES + len(sent.text)


def _tell(sent: Sent, names: Iterable[str]) -> None:
    """Count and log a difference, by ids and names, without values."""
    key, audience = sent.seen.key, sent.seen.audience
    ORACLE_DIFFERENCES.labels(key.model, audience).inc()
    logger.error(
        "A delivered frame differs from REST in %s: %s %s, version %d, as %s, user %s, socket %s.",
        ", ".join(names), key.model, sent.id, sent.seen.version,
        audience, opaque.encode(User, sent.pair[0]), sent.connection,
    )  # fmt: skip


oracle = Oracle()
os.register_at_fork(after_in_child=oracle._reset)

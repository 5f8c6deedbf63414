"""The ledger: who had a live copy of what and when, and what was pushed.

Rounds and publishers write to it before the payload leaves. An access that only ends, because its
client left, is written soon afterwards. Plain functions, for a thread; `Ledger` is a hub's part.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from django.db import transaction
from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from permissions.commits import Stamp
from realtime.audit import watches
from realtime.audit.background import chain
from realtime.audit.models import Access, Connection, Process, Push
from realtime.capture.batches import BATCH, in_batches
from realtime.failures import log_failure
from realtime.metrics import ENDS
from realtime.state import ledger_entries
from realtime.state.frames import Frame
from realtime.state.ledger_entries import Entries
from tenants.compiled import Compiled, Parameter
from tenants.limits import limits
from tenants.models import Tenant

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.5
ENDING: Final = Stamp(Access._meta.db_table)

Done = TypeVar("Done")


class Run(Protocol):
    """Runs a plain function with its arguments on one of the hub's threads."""

    async def __call__(self, work: Callable[..., Done], /, *args: object) -> Done:
        """Return what the function returns, or raise what it raises."""


def write(process: int, tenant_id: int, made: Entries) -> list[int]:
    """Write a round's entries together; return the keys of the accesses that began, in order."""
    now = timezone.now()
    with transaction.atomic():
        for cause, subscriptions in made.ended.items():
            end(cause, [s.opened.access for s in subscriptions if s.opened])
        write_pushes(tenant_id, made.pushed.values())
        begin = (
            Access(
                tenant_id=tenant_id,
                user_id=s.user_id,
                model=s.key.model,
                object_id=s.key.pk,
                audience=frame.seen.audience,
                began_at=now,
                began=cause,
                process=process,
                connection=s.socket.id,
            )
            for s, frame, cause in made.begun
        )
        begun = Access.objects.bulk_create(begin, BATCH)
    return [access.pk for access in begun]


def end(cause: str, accesses: Collection[int]) -> None:
    """End those of these accesses that have not ended yet."""
    now = timezone.now()
    for pks in in_batches(accesses):
        open_ones = Access.objects.filter(pk__in=pks, ended_at=None)
        open_ones.update(ended_at=now, ended=cause, xid=ENDING)


_WITH_PAYLOADS: Final = Compiled(
    lambda: Tenant.objects.filter(pk=Parameter("tenant"), record_payloads=True).values_list("pk")
)


def write_pushes(tenant_id: int, frames: Collection[Frame]) -> None:
    """Record versions that are about to be pushed; one that is recorded already stays as it is.

    A version that cannot be shown is not a push.
    """
    bodies = [(frame, frame.seen.body) for frame in frames if frame.seen.body is not None]
    if not bodies:
        return
    payloads = bool(_WITH_PAYLOADS(tenant=tenant_id))
    Push.objects.bulk_create(
        (
            Push(
                tenant_id=tenant_id,
                model=frame.key.model,
                object_id=frame.key.pk,
                audience=frame.seen.audience,
                version=frame.version,
                fields=list(frame.changed),
                etag=frame.seen.etag,
                size=len(body),
                payload=body.decode() if payloads else None,
            )
            for frame, body in bodies
        ),
        batch_size=BATCH,
        ignore_conflicts=True,
    )


def begin_process() -> int:
    """Write a row for a hub that starts now; return its key."""
    return Process.objects.create(beat_at=timezone.now()).pk


def beat(process: int) -> bool:
    """Record that the process lives; return False if it was presumed lost."""
    return bool(Process.objects.filter(pk=process).update(beat_at=timezone.now()))


def end_lost() -> None:
    """End what lost processes left open."""
    for lost in living(alive=False).values_list("pk", "beat_at"):
        end_process(*lost)


def sockets_of_user(user_id: int, process: int) -> int:
    """Return how many sockets a user has in other processes."""
    return Connection.objects.filter(user_id=user_id).exclude(process=process).count()


def sockets_of_tenants(tenant_ids: Collection[int], process: int) -> dict[int, int]:
    """Return how many sockets each of these tenants has in other processes; only those with any."""
    if not tenant_ids:
        return {}
    others = Connection.objects.filter(tenant__in=tenant_ids).exclude(process=process)
    return dict(others.order_by().values_list("tenant_id").annotate(Count("pk")))


def living(*, alive: bool = True) -> QuerySet[Process]:
    """Return the processes whose last heartbeat is recent, or, if not `alive`, the others."""
    after = timezone.now() - timedelta(seconds=limits()["process_lost_seconds"])
    return Process.objects.filter(**{"beat_at__gt" if alive else "beat_at__lte": after})


def end_process(process: int, at: datetime | None = None) -> None:
    """End all that a process had, and delete its row; `at` is its last heartbeat if it was lost."""
    cause = ledger_entries.DISCONNECTED if at is None else ledger_entries.PROCESS_LOST
    with transaction.atomic():
        left = Access.objects.filter(process=process, ended_at=None)
        ended_at = Greatest("began_at", Value(at or timezone.now()))
        left.update(ended_at=ended_at, ended=cause, xid=ENDING)
        Connection.objects.filter(process=process).delete()
        Process.objects.filter(pk=process).delete()


def write_ends(
    ended: Mapping[str, Collection[int]], left: Collection[str], unwatched: Collection[int]
) -> None:
    """End accesses, by cause, and delete the rows of closed connections and of watches."""
    with transaction.atomic():
        for cause, accesses in ended.items():
            end(cause, accesses)
        Connection.objects.filter(pk__in=left).delete()
        watches.unwatch(unwatched)


class Ledger:
    """A hub's process row, and the ends that are still to be written, in batches."""

    def __init__(self, run: Run) -> None:
        self.process = 0
        self.task: asyncio.Task[None] | None = None
        self._chaining: asyncio.Task[None] | None = None
        self._run = run
        self._ended: defaultdict[str, list[int]] = defaultdict(list)
        self._left: list[str] = []
        self._unwatched: list[int] = []

    async def start(self) -> None:
        """Write the process's row, and begin to chain what is written."""
        self.process = await self._run(begin_process)
        if self._chaining is None:
            seconds = limits()["chain_seconds"]
            self._chaining = asyncio.get_running_loop().create_task(chain(self._run, seconds))

    async def stop(self) -> None:
        """Write what is left, and that the process is gone; if it fails, other processes do it."""
        tasks = [task for task in (self.task, self._chaining) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._write_ends()
            await self._run(end_process, self.process)
        except Exception as error:
            log_failure(
                logger,
                "The ledger entries could not be closed; another process will close them",
                error,
            )

    async def write(self, tenant_id: int, made: Entries) -> None:
        """Write a round's entries, if there are any; raises what the database raises."""
        if made:
            accesses = await self._run(write, self.process, tenant_id, made)
            for cause, subscriptions in made.ended.items():
                ENDS.labels(cause).inc(len(subscriptions))
            for access, cause in made.written(accesses):
                self.end(access, cause)

    def end(self, access: int, cause: str) -> None:
        """Note that an access ended without a round: its client left, or asked for it."""
        self._ended[cause].append(access)
        ENDS.labels(cause).inc()
        self._wake()

    def leave(self, connections: Iterable[str]) -> None:
        """Note that these sockets are closed."""
        self._left.extend(connections)
        self._wake()

    def unwatch(self, rows: Iterable[int]) -> None:
        """Note that the process has no windows any more for which it said so with these rows."""
        self._unwatched.extend(rows)
        self._wake()

    @property
    def _behind(self) -> bool:
        return bool(self._ended or self._left or self._unwatched)

    def _wake(self) -> None:
        if self.task is None and self._behind:
            self.task = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._behind:
                try:
                    await self._write_ends()
                except Exception as error:
                    log_failure(logger, "Ended accesses could not be written; trying again", error)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self.task = None

    async def _write_ends(self) -> None:
        ended, self._ended = self._ended, defaultdict(list)
        left, self._left = self._left, []
        unwatched, self._unwatched = self._unwatched, []
        try:
            await self._run(write_ends, ended, left, unwatched)
        except BaseException:
            self._left += left
            self._unwatched += unwatched
            for cause, accesses in ended.items():
                self._ended[cause] += accesses
            raise

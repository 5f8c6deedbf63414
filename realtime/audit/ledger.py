"""The ledger: who had a live copy of what and when, and what was pushed.

Rounds and publishers write to it before the payload leaves. An access that only ends, because its
client left, is written soon afterwards. Plain functions, for a thread; `Ledger` is a hub's part.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from django.db import transaction
from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from permissions.commits import Stamp
from realtime.audit import inserting, watches
from realtime.audit.background import chain
from realtime.audit.models import Access, Connection, Process, Push
from realtime.audit.viewings import Applied, Viewing
from realtime.capture.batches import BATCH, in_batches
from realtime.failures import log_failure
from realtime.metrics import ENDS
from realtime.state import ledger_entries
from realtime.state.frames import Frame
from realtime.state.ledger_entries import Ends, Entries, Written
from realtime.state.windows import Window
from tenants.compiled import Compiled, Parameter
from tenants.limits import limits
from tenants.models import Tenant

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.5
ENDING: Final = {table: Stamp(table._meta.db_table) for table in (Access, Viewing)}

Done = TypeVar("Done")


class Run(Protocol):
    """Runs a plain function with its arguments on one of the hub's threads."""

    async def __call__(self, work: Callable[..., Done], /, *args: object) -> Done:
        """Return what the function returns, or raise what it raises."""


def write(process: int, tenant_id: int, made: Entries) -> Written:
    """Write a round's entries together; return the keys of what began, in order."""
    now = timezone.now()
    if made.only_applied:  # as nearly always with windows: one statement needs no transaction
        _write_applied(process, tenant_id, made, now)
        return Written((), ())
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
        view = (
            Viewing(
                tenant_id=tenant_id,
                user_id=window.socket.user_id,
                model=window.model,
                where={name: list(values) for name, values in window.where},
                began_at=now,
                process=process,
                connection=window.socket.id,
            )
            for window in made.viewed
        )
        viewed = Viewing.objects.bulk_create(view, BATCH)
        _write_applied(process, tenant_id, made, now)
    return Written([row.pk for row in begun], [row.pk for row in viewed])


def _write_applied(process: int, tenant_id: int, made: Entries, at: datetime) -> None:
    if made.applied is not None:
        what = made.applied._asdict()
        Applied.objects.create(tenant_id=tenant_id, process=process, at=at, **what)


def end(cause: str, rows: Collection[int], of: type[Access | Viewing] = Access) -> None:
    """End those of these accesses, or viewings, that have not ended yet."""
    now = timezone.now()
    for pks in in_batches(rows):
        open_ones: QuerySet[Any] = of._default_manager.filter(pk__in=pks, ended_at=None)
        open_ones.update(ended_at=now, ended=cause, xid=ENDING[of])


_WITH_PAYLOADS: Final = Compiled(
    lambda: Tenant.objects.filter(pk=Parameter("tenant"), record_payloads=True).values_list("pk")
)


def write_pushes(
    tenant_id: int, frames: Collection[Frame], *, payloads: bool | None = None
) -> None:
    """Record versions that are about to be pushed; one that is recorded already stays as it is.

    A version that cannot be shown is not a push. `payloads` says whether the tenant's are kept, if
    the caller knows.
    """
    bodies = [(frame, frame.seen.body) for frame in frames if frame.seen.body is not None]
    if not bodies:
        return
    if payloads is None:
        payloads = bool(_WITH_PAYLOADS(tenant=tenant_id))
    # Else two processes that write the same versions wait for each other's.
    bodies.sort(key=lambda body: _place(body[0]))
    now = timezone.now()
    inserting.insert_new(
        Push(
            tenant_id=tenant_id,
            at=now,
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
    )


def _place(frame: Frame) -> tuple[Any, ...]:
    """Return the place of a push in the order in which every process writes them."""
    return frame.key.model, frame.key.pk, frame.seen.audience, frame.version


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


def is_open(connection: str) -> bool:
    """Return whether a socket or stream has a row, as those have that are open."""
    return Connection.objects.filter(pk=connection).exists()


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
        ended_at = Greatest("began_at", Value(at or timezone.now()))
        for table, stamp in ENDING.items():
            left: QuerySet[Any] = table._default_manager.filter(process=process, ended_at=None)
            left.update(ended_at=ended_at, ended=cause, xid=stamp)
        Connection.objects.filter(process=process).delete()
        Process.objects.filter(pk=process).delete()


def write_ends(ends: Ends) -> None:
    """End accesses and viewings, and delete the rows of closed connections and of watches."""
    with transaction.atomic():
        for cause, accesses in ends.accesses.items():
            end(cause, accesses)
        for cause, viewings in ends.viewings.items():
            end(cause, viewings, Viewing)
        Connection.objects.filter(pk__in=ends.connections).delete()
        watches.unwatch(ends.watches)


class Ledger:
    """A hub's process row, and the ends that are still to be written, in batches."""

    def __init__(self, run: Run) -> None:
        self.process = 0
        self.task: asyncio.Task[None] | None = None
        self._chaining: asyncio.Task[None] | None = None
        self._run = run
        self._ends = Ends()

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
            written = await self._run(write, self.process, tenant_id, made)
            for cause, subscriptions in made.ended.items():
                ENDS.labels(cause).inc(len(subscriptions))
            late = made.written(written)
            for cause, accesses in late.accesses.items():
                ENDS.labels(cause).inc(len(accesses))
            self._ends.add(late)
            self._wake()

    def end(self, access: int, cause: str) -> None:
        """Note that an access ended without a round: its client left, or asked for it."""
        self._ends.accesses[cause].append(access)
        ENDS.labels(cause).inc()
        self._wake()

    def end_viewing(self, window: Window) -> None:
        """Note that a window has ended."""
        self._ends.end(window)
        self._wake()

    def leave(self, connections: Iterable[str]) -> None:
        """Note that these sockets are closed."""
        self._ends.connections.extend(connections)
        self._wake()

    def unwatch(self, rows: Iterable[int]) -> None:
        """Note that the process has no windows any more for which it said so with these rows."""
        self._ends.watches.extend(rows)
        self._wake()

    def _wake(self) -> None:
        if self.task is None and self._ends:
            self.task = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._ends:
                try:
                    await self._write_ends()
                except Exception as error:
                    log_failure(logger, "Ended accesses could not be written; trying again", error)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self.task = None

    async def _write_ends(self) -> None:
        ends, self._ends = self._ends, Ends()
        try:
            await self._run(write_ends, ends)
        except BaseException:
            self._ends.add(ends)
            raise

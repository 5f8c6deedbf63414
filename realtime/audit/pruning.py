"""Deletes what is old: rows of changes, of access changes and of the ledger, in batches.

The logs grow at one end, so what is old is a range of their keys, whose end is found by bisection:
an index on times would slow every write. What is chained goes with its entries: see `tombstones`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db import models

from permissions.models import AccessChange
from realtime.audit import chaining, tombstones
from realtime.audit.inquiries import Inquiry
from realtime.audit.models import Access, Push, Read
from realtime.audit.viewings import Applied, Viewing, outdated
from realtime.capture.interval_models import Belongs, Held
from realtime.capture.models import Change
from tenants.models import Tenant

BATCH: Final = 5_000


class Disagreeing(RuntimeError):
    """Old rows do not agree with the ledger's chain, and were not deleted."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows

    def __str__(self) -> str:
        return (
            f"{self.rows} old rows of the ledger stay, because they do not agree with its chain:"
            " `manage.py review verify --all-tenants` names them."
        )


def prune(before: datetime) -> Iterator[tuple[str, int]]:
    """Delete all rows from before this time; yield each model's name and how many were deleted.

    Each batch is a transaction of its own, so that nobody waits for long. A process that has not
    seen a pruned access change re-evaluates all that it has of the tenant. What is not chained yet
    is chained first. Raises Disagreeing at the end if any row does not agree with the chain.
    """
    for _ in chaining.everything():
        pass
    old: dict[type[Any], models.QuerySet[Any]] = {
        Access: Access.objects.filter(ended_at__lt=before),  # an open one is not old
        Push: Push.objects.filter(at__lt=before),
        Read: Read.objects.filter(minute__lt=before),
        Viewing: Viewing.objects.filter(ended_at__lt=before),
        Applied: outdated(before),
        Held: Held.objects.filter(ended_at__lt=before),
        Belongs: Belongs.objects.filter(ended_at__lt=before),
        Inquiry: Inquiry.objects.filter(at__lt=before),
        AccessChange: _old(AccessChange, before, _keys(AccessChange, before)),
    }
    counts, kept = dict.fromkeys(old, 0), 0
    for step in tombstones.prune(old):
        kept += step.kept
        for model, gone in step.rows.items():
            counts[model] += gone
    for model, gone in counts.items():
        yield model._meta.label, gone + sum(_of_nobody(old[model]))
    yield Change._meta.label, sum(_by_range(Change, before))
    if kept:
        raise Disagreeing(kept)


def _of_nobody(old: models.QuerySet[Any]) -> Iterator[int]:
    """Delete what is left of tenants that are gone or being deleted, which nobody chains."""
    yield from _in_batches(old.exclude(tenant__in=Tenant.objects.filter(deleting_since=None)))


def _in_batches(old: models.QuerySet[Any]) -> Iterator[int]:
    while gone := _delete(old.model._base_manager.filter(pk__in=old.values("pk")[:BATCH])):
        yield gone


def _old(log: type[Any], before: datetime, keys: range) -> models.QuerySet[Any]:
    """Return the rows of a log from before this time, which are among these keys."""
    # Times are not strictly in the order of keys: a row is written a little after it gets its time.
    rows: models.QuerySet[Any] = log._base_manager.all()
    return rows.filter(pk__lt=keys.stop, at__lt=before)


def _keys(log: type[Any], before: datetime) -> range:
    """Return the range of keys that contains a log's rows from before this time."""
    keys = log._base_manager.aggregate(first=models.Min("pk"), last=models.Max("pk"))
    if keys["first"] is None:
        return range(0)
    return range(keys["first"], _first_of(log, before, keys["first"], keys["last"] + 1))


def _by_range(log: type[Any], before: datetime) -> Iterator[int]:
    keys = _keys(log, before)
    old = _old(log, before, keys)
    for start in keys[::BATCH]:
        yield _delete(old.filter(pk__gte=start, pk__lt=start + BATCH))


def _first_of(log: type[Any], since: datetime, first: int, end: int) -> int:
    """Return the first key from which on rows are of this time or later."""
    while first < end:
        middle = (first + end) // 2
        rows = log._base_manager.filter(pk__gte=middle).order_by("pk")
        found = rows.values_list("pk", "at").first()
        if found is None or found[1] >= since:
            end = middle
        else:
            first = found[0] + 1
    return first


def _delete(rows: models.QuerySet[Any]) -> int:
    """Delete these in one statement: nothing depends on them, so Django need not look for it."""
    gone: int = rows._raw_delete(rows.db)
    return gone

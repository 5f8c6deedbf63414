"""Deleting what is old: rows of changes, of access changes and of the ledger, in batches.

Rows that stay are not read. The logs grow at one end, so what is old is a range of their keys,
whose end is found by bisection: an index of times would cost each write. What the ledger ends later
than it begins has such an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db import models

from permissions.models import AccessChange
from realtime.audit.intervals import Belongs, Held
from realtime.audit.models import Access, Push
from realtime.capture.models import Change

BATCH: Final = 5_000

INDEXED: Final[tuple[tuple[type[Any], str], ...]] = (
    (Access, "ended_at"),  # one that is open is not old
    (Push, "at"),
    (Held, "ended_at"),
    (Belongs, "ended_at"),
)
LOGS: Final[tuple[type[Any], ...]] = (Change, AccessChange)


def prune(before: datetime) -> Iterator[tuple[str, int]]:
    """Delete all rows from before this time; yield each model's name and how many were deleted.

    Each batch is a transaction of its own, so that nobody waits for long. A process that has not
    seen a pruned access change re-evaluates all that it has of the tenant.
    """
    for model, column in INDEXED:
        yield model._meta.label, sum(_by_index(model, column, before))
    for log in LOGS:
        yield log._meta.label, sum(_by_range(log, before))


def _by_index(model: type[Any], column: str, before: datetime) -> Iterator[int]:
    old = model._base_manager.filter(**{f"{column}__lt": before}).order_by(column).values("pk")
    while gone := _delete(model._base_manager.filter(pk__in=old[:BATCH])):
        yield gone


def _by_range(log: type[Any], before: datetime) -> Iterator[int]:
    keys = log._base_manager.aggregate(first=models.Min("pk"), last=models.Max("pk"))
    if keys["first"] is None:
        return
    end = _first_of(log, before, keys["first"], keys["last"] + 1)
    for start in range(keys["first"], end, BATCH):
        rows = log._base_manager.filter(pk__gte=start, pk__lt=min(start + BATCH, end))
        # Times are not quite in the order of the keys: a row is written a little after it is named.
        yield _delete(rows.filter(at__lt=before))


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

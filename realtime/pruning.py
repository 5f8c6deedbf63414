"""Deleting what is old: rows of changes, of access changes and of the ledger, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from permissions.models import AccessChange
from realtime.models import Access, Change, Push

BATCH: Final = 5_000

AGED: Final[tuple[tuple[type[Any], str], ...]] = (
    (Access, "ended_at"),  # one that is open is not old
    (Push, "at"),
    (Change, "at"),
    (AccessChange, "at"),
)


def prune(before: datetime) -> Iterator[tuple[str, int]]:
    """Delete all rows of before this time; yields each model's name and how many went.

    Each batch is a transaction of its own, so that nobody waits for long. A process that has not
    seen a pruned access change re-evaluates all that it has of the tenant.
    """
    for model, column in AGED:
        gone = 0
        while deleted := _delete(model, column, before):
            gone += deleted
        yield model._meta.label, gone


def _delete(model: type[Any], column: str, before: datetime) -> int:
    old = model.objects.filter(**{f"{column}__lt": before}).order_by(column)
    pks = list(old.values_list("pk", flat=True)[:BATCH])
    return int(model.objects.filter(pk__in=pks).delete()[0])

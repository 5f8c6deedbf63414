"""What this process committed and has not announced: read from the logs, never from memory.

Therefore it does not matter what wrote a row, or in which order two threads commit. Each process
announces only its own commits. On SQLite, rows do not say who wrote them: there, a process
announces everything that was committed since it started.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any, Final

from django.db import connection, models
from django.db.models import Min, Q, Value
from django.utils import timezone

from permissions import accesslog, commits
from permissions.commits import Between, Mark
from permissions.models import AccessChange
from permissions.representation import ObjectKey
from permissions.snapshot import in_snapshot
from realtime.capture.models import Change
from realtime.capture.notes import Note, noted
from tenants.keys import read
from tenants.writers import writer

BEGAN: Final = timezone.now() - timedelta(seconds=1)  # SQLite truncates its own times


@dataclass(frozen=True, slots=True)
class Committed:
    """The lowest committed version by (tenant id, key), the highest access revision by tenant, and
    notes of rows that others show."""

    changed: Mapping[tuple[int, ObjectKey], int] = field(default_factory=dict)
    noticed: Mapping[int, int] = field(default_factory=dict)
    noted: tuple[Note, ...] = ()


class Own:
    """Reads what this process committed, and returns each row once, from whichever thread."""

    def __init__(self) -> None:
        self._marks: list[Mark] | None = None
        self._one_at_a_time = Lock()

    def read(self) -> Committed:
        """Return what was committed since the last read that succeeded."""
        with self._one_at_a_time:
            found, now = self._look()
            if self._marks is not None and now[0].is_before(self._marks[0]):
                # The connection was in a transaction from before the last look, which this one
                # ended: it saw nothing new, and the next would announce again what was announced.
                found, now = self._look()
            self._marks = now
        return found

    def _look(self) -> tuple[Committed, list[Mark]]:
        marks, name = self._marks, writer()
        if not (marks is None or name is None or marks[0].open or connection.in_atomic_block):
            return look(marks, name)
        return in_snapshot(lambda _: self._read())

    def _read(self) -> tuple[Committed, list[Mark]]:
        now = commits.marks([Change, AccessChange])
        if self._marks is None:
            return _first(), now
        (changed, accessed), (changed_now, accessed_now) = self._marks, now
        return _committed(_CHANGED(changed, changed_now), _RISEN(accessed, accessed_now)), now


def look(marks: list[Mark], name: str) -> tuple[Committed, list[Mark]]:
    """Return what this writer committed since PostgreSQL had these marks, of which none was open,
    and those it has now.

    With one statement, which sees one snapshot: a transaction around several would cost more than
    they do, after every write.
    """
    changed: list[tuple[Any, ...]] = []
    risen: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {"writer": name, "since": marks[0].end})
        [[*_, snapshot], *rows] = cursor.fetchall()
    for tenant_id, model, key, number, first, fields in rows:
        if model is None:
            risen[tenant_id] = number
        else:
            was = None if fields is None else json.loads(fields)
            changed.append((tenant_id, model, read(key), number, first, was))
    return _committed(changed, risen.items()), [commits.of_snapshot(snapshot)] * 2


def _first() -> Committed:
    """Return what this process committed before its first read."""
    name = writer()
    mine = Q(at__gte=BEGAN) if name is None else Q(writer=name)
    changes, accesses = (
        log._base_manager.filter(mine).order_by() for log in (Change, AccessChange)
    )
    return _committed(_changed(changes), accesslog.highest(accesses))


def _committed(changed: Iterable[tuple[Any, ...]], risen: Iterable[tuple[int, int]]) -> Committed:
    versions: dict[tuple[int, ObjectKey], int] = {}
    notes: list[Note] = []
    for tenant_id, model, pk, version, _, fields in changed:
        key = ObjectKey(model, pk)
        if version:
            versions[tenant_id, key] = version
        else:
            notes.append(noted(key, fields))
    return Committed(versions, dict(risen), tuple(notes))


def _changed(rows: models.QuerySet[Any]) -> models.QuerySet[Any, Any]:
    """Return each object's lowest version, in the order of the objects' first changes, and the
    notes: with one statement, as this is asked after each write."""
    objects = rows.filter(version__gt=0).values_list("tenant_id", "model", "object_id")
    lowest: Any = objects.annotate(
        lowest=Min("version"), first=Min("pk"), was=Value(None, models.JSONField())
    )
    names = ("tenant_id", "model", "object_id", "version", "pk", "fields")
    notes = rows.filter(version=0).values_list(*names)
    found: models.QuerySet[Any, Any] = lowest.union(notes, all=True).order_by("first")
    return found


_CHANGED: Final = Between(Change, _changed, mine=True)
_RISEN: Final = Between(AccessChange, accesslog.highest, mine=True)

NOW: Final = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"  # the same in the statement
MINE: Final = f"writer = %(writer)s AND xid >= %(since)s AND xid < (SELECT {NOW})"
LOOK: Final = f"""
SELECT 0 AS tenant_id, '' AS model, '' AS object_id, 0 AS number, 0 AS first,
  pg_current_snapshot()::text AS fields
UNION ALL
SELECT tenant_id, model, object_id, min(version), min(id), NULL
FROM {Change._meta.db_table} WHERE version > 0 AND {MINE} GROUP BY tenant_id, model, object_id
UNION ALL
SELECT tenant_id, model, object_id, 0, id, fields::text
FROM {Change._meta.db_table} WHERE version = 0 AND {MINE}
UNION ALL
SELECT tenant_id, NULL, NULL, max(revision), 1, NULL
FROM {AccessChange._meta.db_table} WHERE revision IS NOT NULL AND {MINE} GROUP BY tenant_id
ORDER BY first
"""

"""What committed since somebody looked last, exactly once, in whatever order it commits.

An id tells nothing: a row with a lower one may commit after one with a higher was read. Nor does
the oldest transaction that is still open: while it stays so, all that came later would be read at
each look. So a look remembers which transactions its snapshot did not see.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models
from django.db.models import Q

SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"


class TransactionId(models.Func):
    """PostgreSQL's id of the current transaction, which its snapshots compare; NULL on SQLite."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()
    arity = 0

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return its spelling where writers are serial and need no number."""
        return "NULL", ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where a log was read: all below `end` in `column`, except the `open` ones.

    On PostgreSQL these are transactions, on SQLite the rows themselves, whose writers are serial.
    """

    column: str
    end: int
    open: frozenset[int] = frozenset()

    def until(self, now: Mark) -> Q:
        """The rows that committed between the two.

        Nothing above what is known now: in a cluster restored from a dump transactions are counted
        anew, and rows of before have higher numbers.
        """
        new = Q(**{f"{self.column}__gte": self.end, f"{self.column}__lt": now.end})
        ended = self.open - now.open
        return new | Q(**{f"{self.column}__in": ended}) if ended else new


def marks(logs: Iterable[type[models.Model]]) -> list[Mark]:
    """A mark for each log, of all that the snapshot under way sees."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(SNAPSHOT)
            mark = _of_snapshot(cursor.fetchone()[0])
        return [mark for _ in logs]
    newest = (log._base_manager.aggregate(models.Max("pk"))["pk__max"] for log in logs)
    return [Mark("pk", (pk or 0) + 1) for pk in newest]


def _of_snapshot(text: str) -> Mark:
    """A snapshot `xmin:xmax:xid,xid`: those of these numbers, and from xmax on, it does not see."""
    _, end, inside = text.split(":")
    return Mark("xid", int(end), frozenset(int(xid) for xid in inside.split(",") if xid))

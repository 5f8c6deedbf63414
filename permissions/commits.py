"""What has committed since the previous look, exactly once, in whatever order it commits.

An id proves nothing: a row with a lower id may commit after a higher one was read. Nor does the
oldest open transaction help: while it stays open, every look would read everything later again. So
each look remembers the transactions that its snapshot did not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models
from django.db.models import Q

from tenants.compiled import Compiled, Parameter
from tenants.writers import writer

SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"


class TransactionId(models.Func):
    """PostgreSQL's id of the current transaction, which its snapshots compare; NULL on SQLite."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()
    arity = 0

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return the SQL for SQLite, whose writers are serial and need no number."""
        return "NULL", ()


class Stamp(TransactionId):
    """What whoever changes a row sets its `xid` to, so that readers in the order of commits find it
    again: the transaction on PostgreSQL; on SQLite, more than any row of the table has."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self.table = table

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return the SQL for SQLite, whose writers are serial."""
        return f'(SELECT coalesce(max(x.xid), 0) + 1 FROM "{self.table}" x)', ()  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a log has been read: everything below `end` in `column`, except what was `open`.

    On PostgreSQL the column holds transactions; on SQLite, whose writers are serial, rows.
    """

    column: str
    end: int
    open: frozenset[int] = frozenset()

    def is_before(self, other: Mark) -> bool:
        """Return whether an older snapshot made this mark; rows' keys may begin anew."""
        return self.column == other.column == "xid" and self.end < other.end

    def until(self, now: Mark) -> Q:
        """Return a condition for the rows that committed between the two marks.

        Nothing above the later mark: in a cluster restored from a dump, transactions are numbered
        anew, and old rows have higher numbers.
        """
        new = Q(**{f"{self.column}__gte": self.end, f"{self.column}__lt": now.end})
        ended = self.open - now.open
        return new | Q(**{f"{self.column}__in": ended}) if ended else new


class Between:
    """Asks a log for what committed between two marks; `shape` says what of the rows.

    `mine` leaves out what other processes wrote, where the database knows that. The statement is
    written once: every process asks some each second, whether there is anything or not.
    """

    def __init__(
        self, log: type[models.Model], shape: Callable[[models.QuerySet[Any]], Any], mine: bool
    ) -> None:
        self._log, self._shape, self._mine = log, shape, mine
        self._usual = Compiled(self._written_once)

    def __call__(self, before: Mark, after: Mark) -> list[Any]:
        """Return what the shape makes of the rows."""
        if before.column == "pk" and before == after:  # an xid moves with anybody's writes
            return []
        if before.open - after.open:
            new = before.until(after)
            return list(self._of(new & Q(writer=writer()) if self._by_writer else new))
        return self._usual(since=before.end, until=after.end, writer=writer())

    @property
    def _by_writer(self) -> bool:
        return self._mine and writer() is not None

    def _written_once(self) -> models.QuerySet[Any]:
        column = "xid" if connection.vendor == "postgresql" else "pk"
        between: Any = {f"{column}__gte": Parameter("since"), f"{column}__lt": Parameter("until")}
        mine: Any = {"writer": Parameter("writer")} if self._by_writer else {}
        return self._of(Q(**between, **mine))

    def _of(self, rows: Q) -> models.QuerySet[Any]:
        shaped: models.QuerySet[Any] = self._shape(self._log._base_manager.filter(rows).order_by())
        return shaped


def marks(logs: Iterable[type[models.Model]]) -> list[Mark]:
    """Return a mark for each log, covering all that the current snapshot sees."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(SNAPSHOT)
            mark = of_snapshot(cursor.fetchone()[0])
        return [mark for _ in logs]
    names = ((log._meta.pk.column, log._meta.db_table) for log in logs)
    highest = ", ".join(f'(SELECT max("{key}") FROM "{table}")' for key, table in names)  # noqa: S608 - ours
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {highest}")
        return [Mark("pk", (pk or 0) + 1) for pk in cursor.fetchone()]


def of_snapshot(text: str) -> Mark:
    """Parse a snapshot `xmin:xmax:xid,xid`: it sees neither the listed ids nor xmax and above."""
    _, end, inside = text.split(":")
    return Mark("xid", int(end), frozenset(int(xid) for xid in inside.split(",") if xid))

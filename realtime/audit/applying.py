"""When processes applied access revisions: what `spans` needs of the ledger, asked all at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection

from realtime.audit import spans
from realtime.audit.viewings import Applied

BATCH: Final = 500


class Applying:
    """When processes of a tenant applied access revisions: asked of the ledger, all at once."""

    def __init__(self, tenant_id: int) -> None:
        self._tenant_id = tenant_id
        self._asked: defaultdict[str, set[tuple[int, Any]]] = defaultdict(set)
        self._found: dict[tuple[str, int, Any], datetime | None] = {}

    def ask(self, process: int, rows: Iterable[spans.Lasting]) -> None:
        """Ask for what a process needs to know of these."""
        for row in rows:
            if row.since is not None:
                self._asked["read"].add((process, row.since))
            if row.until is not None:
                self._asked["revision"].add((process, row.until))
            elif row.ended_at is not None:
                self._asked["at"].add((process, row.ended_at))

    def ask_denials(self, process: int, rows: Iterable[spans.Lasting]) -> None:
        """Ask for what a process needs to know of these, which deny what others give."""
        for row in rows:
            if row.since is not None:
                self._asked["revision"].add((process, row.since))
            else:
                self._asked["at"].add((process, row.began_at))
            if row.until is not None:
                self._asked["read"].add((process, row.until))

    def find(self) -> None:
        """Find what was asked."""
        keys: dict[tuple[str, int, Any], int] = {}
        for column, wanted in self._asked.items():
            new = [pair for pair in wanted if (column, *pair) not in self._found]
            for start in range(0, len(new), BATCH):
                keys.update(self._keys(column, new[start : start + BATCH]))
        times = dict(Applied.objects.filter(pk__in=set(keys.values())).values_list("pk", "at"))
        self._found.update({asked: times[pk] for asked, pk in keys.items()})
        self._asked.clear()

    def _keys(
        self, column: str, wanted: Sequence[tuple[int, Any]]
    ) -> Iterator[tuple[tuple[str, int, Any], int]]:
        """Yield, for each of these, the first row that reaches it, if there is one."""
        table = connection.ops.quote_name(Applied._meta.db_table)
        adapt: Any = connection.ops.adapt_datetimefield_value if column == "at" else int
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH asked(number, process, bound) AS (VALUES"  # noqa: S608 -- names only
                f" {', '.join(['(%s, %s, %s)'] * len(wanted))})"
                f" SELECT asked.number, (SELECT a.id FROM {table} a WHERE a.tenant_id = %s"
                f" AND a.process = asked.process AND a.{column} >= asked.bound"
                f" ORDER BY a.{column}, a.id LIMIT 1) FROM asked",
                [
                    *(v for n, (p, bound) in enumerate(wanted) for v in (n, p, adapt(bound))),
                    self._tenant_id,
                ],
            )
            found = cursor.fetchall()
        for number, pk in found:
            if pk is not None:
                yield (column, *wanted[number]), pk

    def of(self, process: int) -> Moments:
        """Return what was found of a process."""
        return Moments(process, self._found)


class Moments:
    """When one process applied things: see `spans.Moments`."""

    def __init__(self, process: int, found: dict[tuple[str, int, Any], datetime | None]) -> None:
        self._process = process
        self._found = found

    def read(self, revision: int) -> datetime | None:
        """Return when it first could show what was given with this access revision."""
        return self._found.get(("read", self._process, revision))

    def applied(self, revision: int) -> datetime | None:
        """Return when it first showed nothing more of what was lost with this access revision."""
        return self._found.get(("revision", self._process, revision))

    def applied_after(self, at: datetime) -> datetime | None:
        """Return when it next applied anything after this time."""
        return self._found.get(("at", self._process, at))

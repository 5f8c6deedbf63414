"""Whether intervals are kept by writes that touch nobody, or for which no trigger of the row's own
fires: rows that others replace on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from django.db import connection

from realtime.capture.intervals import Kept
from realtime.capture.live import Live
from realtime.capture.tables import Access
from realtime.capture.triggers import literal, quoted
from tests.realtime.capture.kept import unkept

Columns = tuple[str, ...]
Check = Callable[[], list[str]]


def run(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


class Rows(NamedTuple):
    """A table whose rows, or those that name them, stand for intervals."""

    name: str
    key: str
    kept: list[Kept]
    unique: tuple[Columns, ...]
    fixed: str = ""

    @property
    def table(self) -> str:
        return quoted(self.name)

    def here(self, pk: Any) -> str:
        return f"{quoted(self.key)} = {literal(str(pk))}"

    def stands(self, pk: Any) -> bool:
        """Whether this row stands for an interval now."""
        [kept, *_] = self.kept
        if kept.named_by is None:
            row = f"(SELECT * FROM {self.table} WHERE {self.here(pk)})"
            return bool(run(f"SELECT 1 FROM ({kept.begins.format(row=row)}) b"))
        rows, condition = kept.named_by
        naming = f"{quoted(rows)} w JOIN {self.table} x ON {condition.format(side='x')}"
        return bool(run(f"SELECT 1 FROM {naming} WHERE x.{self.here(pk)}"))

    def one(self) -> Any:
        """The key of a row that does; of users and tenants, those do that are not active."""
        keys = [pk for (pk,) in run(f"SELECT {quoted(self.key)} FROM {self.table} ORDER BY 1")]
        if not any(map(self.stands, keys)):
            run(f"UPDATE {self.table} SET is_active = false WHERE {self.here(keys[0])}")
        return next(filter(self.stands, keys))

    def unkept(self) -> list[str]:
        return unkept((k.named_by[0] if k.named_by else self.name, k) for k in self.kept)

    def save(self) -> Any:
        pk = self.one()
        run(f"CREATE TEMP TABLE saved AS SELECT * FROM {self.table} WHERE {self.here(pk)}")
        return pk

    def alter(self, *columns: str) -> None:
        """Give the saved row other values of what is unique."""
        for column in dict.fromkeys(columns):
            [[value]] = run(f"SELECT {quoted(column)} FROM saved")
            other = f"{value + 1000}" if isinstance(value, int) else literal("~" + str(value)[1:])
            run(f"UPDATE saved SET {quoted(column)} = {other}")

    def replaced(self, columns: Columns) -> list[str]:
        """By a new row with another key that has the same in these columns."""
        self.save()
        others = {c for set_ in self.unique for c in set_} - {*columns, self.fixed}
        self.alter(self.key, *others)
        run(f"INSERT OR REPLACE INTO {self.table} SELECT * FROM saved")
        return self.unkept()

    def replaced_by_update(self, columns: Columns) -> list[str]:
        """By another row that gets the same in these columns."""
        pk = self.save()
        self.alter(self.key, *({c for set_ in self.unique for c in set_} - {self.fixed}))
        run(f"INSERT INTO {self.table} SELECT * FROM saved")
        [[other]] = run(f"SELECT {quoted(self.key)} FROM saved")
        sets = ", ".join(map(quoted, columns))
        values = f"SELECT {sets} FROM {self.table} WHERE {self.here(pk)}"
        run(f"UPDATE OR REPLACE {self.table} SET ({sets}) = ({values}) WHERE {self.here(other)}")
        return self.unkept()

    def inserted(self) -> list[str]:
        """Deleted and inserted again."""
        pk = self.save()
        run(f"DELETE FROM {self.table} WHERE {self.here(pk)}")
        run(f"INSERT INTO {self.table} SELECT * FROM saved")
        return self.unkept()


def checks(rows: Rows, *, silent: bool = False) -> Iterator[tuple[str, Check]]:
    """Each way in which such a row is written, and how its answer is found."""
    if silent:
        yield "kept when inserted", rows.inserted
    for columns in rows.unique if connection.vendor == "sqlite" else ():
        yield f"kept when replaced by {columns}", partial(rows.replaced, columns)
        yield (
            f"kept when replaced by update of {columns}",
            partial(rows.replaced_by_update, columns),
        )


def of_access(access: Access) -> Iterator[tuple[str, Check]]:
    if access.kept and access.events:
        rows = Rows(access.table, access.unique[0][0], [access.kept], access.unique[1:])
        yield from checks(rows, silent="INSERT" not in access.events)


def of_live(live: Live) -> Iterator[tuple[str, Check]]:
    if live.kept:
        yield from checks(
            Rows(live.table, live.key, [*live.kept.values()], live.unique, live.tenant)
        )

"""What the logs must have of raw writes to objects, and to rows that they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, connection

from permissions.models import AccessChange
from realtime.capture.installing import kept
from realtime.capture.live import DELETED, HELD, Live, Shown
from realtime.capture.live_sqlite import REPLACED
from realtime.capture.triggers import literal, quoted
from realtime.models import Change
from tests.realtime.capture.declared import run, undone
from tests.realtime.capture.kept import unkept
from tests.realtime.capture.replaced import of_live as of_rows
from tests.realtime.capture.ways import REPLICA


class Object:
    """The first row of a table, saved in a table of its own to be written again."""

    def __init__(self, declared: Live | Shown) -> None:
        self.declared, self.table = declared, quoted(declared.table)
        [[self.pk]] = run(f"SELECT {quoted(declared.key)} FROM {self.table} ORDER BY 1 LIMIT 1")
        self.here = f"{quoted(declared.key)} = {literal(str(self.pk))}"
        run(f"CREATE TEMP TABLE saved AS SELECT * FROM {self.table} WHERE {self.here}")
        self.change = Change.objects.latest("pk").pk
        self.access = AccessChange.objects.latest("pk").pk

    def value(self, column: str, of: str | None = None) -> Any:
        where = f"{of or self.table} WHERE {self.here}"
        return run(f"SELECT {quoted(column)} FROM {where}")[0][0]

    def other(self, column: str) -> str:
        """Another value of this column, as SQL."""
        value, name = self.value(column), quoted(column)
        if isinstance(value, int):
            return f"{name} + 1000"
        if isinstance(value, Decimal | float) or column == "budget":
            return "5"
        if isinstance(value, date | datetime) or column.endswith(("_at", "_on")):
            return "'2001-01-01'"
        return literal("~" + str(value)[1:])

    def update(self, column: str) -> None:
        run(f"UPDATE {self.table} SET {quoted(column)} = {self.other(column)} WHERE {self.here}")

    def _changes(self) -> Any:
        rows = Change.objects.filter(pk__gt=self.change, object_id=self.pk)
        return rows.filter(model=self.declared.label).order_by("pk")

    def changes(self) -> list[tuple[Any, ...]]:
        """Versions and fields of its changes since, and whether they are creations."""
        changes = self._changes().filter(version__gt=0)
        return list(changes.values_list("version", "fields", "creation"))

    def noted(self) -> bool:
        """Whether there is a note of it since."""
        return bool(self._changes().filter(version=0).exists())

    def touched(self, cause: str) -> set[int | None]:
        """The users of its access changes since of this cause."""
        rows = AccessChange.objects.filter(pk__gt=self.access, object_id=self.pk, cause=cause)
        return set(rows.filter(model=self.declared.label).values_list("user_id", flat=True))


def deleted(live: Live) -> bool:
    row = Object(live)
    run(f"DELETE FROM {row.table} WHERE {row.here}")
    return row.touched(DELETED) == {None}


def inserted(live: Live) -> bool:
    row = Object(live)
    run(f"DELETE FROM {row.table} WHERE {row.here}")
    run(f"INSERT INTO {row.table} SELECT * FROM saved")
    version = row.value(live.version)
    return version > row.change and row.changes() == [(version, None, True)]


def replicated(check: Callable[[Live], bool], live: Live) -> bool:
    """The same where only the triggers of single rows fire."""
    run(REPLICA)
    return check(live)


def updated(live: Live, column: str, field: str) -> bool:
    row = Object(live)
    before, stamps = row.value(live.version), {s: row.value(s) for s, _ in live.stamps}
    holder = row.value(column)
    row.update(column)
    moved = {stamp for stamp, sources in live.stamps if column in sources}
    fields = sorted([field, *(name for name_, name in live.columns if name_ in moved)])
    good = row.changes() == [(before + 1, fields, False)]
    good &= row.value(live.version) == before + 1
    good &= {stamp for stamp, value in stamps.items() if row.value(stamp) != value} == moved
    held = {holder, row.value(column)} if column in live.holders else set()
    return good and row.touched(HELD) == held


def replaced(live: Live, columns: tuple[str, ...]) -> bool:
    """By another row that has these columns' values."""
    row = Object(live)
    if live.key not in columns:
        run(f"UPDATE saved SET {quoted(live.key)} = {quoted(live.key)} + 1000")
    for others in live.unique:
        for column in set(others) - {*columns}:
            run(f"UPDATE saved SET {quoted(column)} = {quoted(column)} + 1000")
    run(f"INSERT OR REPLACE INTO {row.table} SELECT * FROM saved")
    return row.touched(REPLACED) == {None}


def replaced_by_update(live: Live, columns: tuple[str, ...]) -> bool:
    """By another row that gets these columns' values."""
    row, sets = Object(live), ", ".join(quoted(column) for column in columns)
    another(row)
    row.access = AccessChange.objects.latest("pk").pk
    values = f"SELECT {sets} FROM {row.table} WHERE {row.here}"
    run(f"UPDATE OR REPLACE {row.table} SET ({sets}) = ({values}) WHERE id = {row.pk} + 1000")
    return row.touched(REPLACED) == {None}


def another(row: Object) -> None:
    """Store it once more, under another key and other values of what is unique."""
    unique = (column for columns in row.declared.unique for column in columns)
    for column in dict.fromkeys((row.declared.key, *unique)):
        if column != row.declared.tenant:
            run(f"UPDATE saved SET {quoted(column)} = {row.other(column)}")
    run(f"INSERT INTO {row.table} SELECT * FROM saved")


def noted(shown: Shown, write: Callable[[Object], object]) -> bool:
    row = Object(shown)
    write(row)
    return row.noted()


def noted_when_inserted(shown: Shown) -> bool:
    row = Object(shown)
    run(f"DELETE FROM {row.table} WHERE {row.here}")
    row.change = Change.objects.latest("pk").pk
    run(f"INSERT INTO {row.table} SELECT * FROM saved")
    return row.noted()


def noted_when_replaced(shown: Shown, columns: tuple[str, ...]) -> bool:
    """By a new row with its key, or with another one and these columns' values."""
    row = Object(shown)
    for column in [shown.key] if columns else []:
        run(f"UPDATE saved SET {quoted(column)} = {row.other(column)}")
    run(f"INSERT OR REPLACE INTO {row.table} SELECT * FROM saved")
    return row.noted()


def noted_when_another(shown: Shown, columns: tuple[str, ...]) -> bool:
    """By another row that gets these columns' values."""
    row, sets = Object(shown), ", ".join(quoted(column) for column in columns)
    another(row)
    row.change = Change.objects.latest("pk").pk
    values = f"SELECT {sets} FROM {row.table} WHERE {row.here}"
    run(f"UPDATE OR REPLACE {row.table} SET ({sets}) = ({values}) WHERE id = {row.pk} + 1000")
    return row.noted()


Check = Callable[[], bool]


def of_live(live: Live) -> Iterator[tuple[str, Check]]:
    """Each event of an object, and how it is tried."""
    yield "deleted", lambda: deleted(live)
    yield "inserted", lambda: inserted(live)
    for column, field in live.columns:
        if column in live.compared:
            yield f"updated in {column}", lambda c=column, f=field: updated(live, c, f)  # type: ignore[misc]
    if connection.vendor == "postgresql":
        yield "deleted by replication", lambda: replicated(deleted, live)
        yield "inserted by replication", lambda: replicated(inserted, live)
    if connection.vendor == "sqlite":
        for columns in ((live.key,), *live.unique):
            yield f"replaced by {columns}", lambda c=columns: replaced(live, c)  # type: ignore[misc]
        for columns in live.unique:
            yield f"replaced by update of {columns}", lambda c=columns: replaced_by_update(live, c)  # type: ignore[misc]
        for name, check in of_rows(live):
            yield name, lambda check=check: not check()  # type: ignore[misc]


def of_shown(shown: Shown) -> Iterator[tuple[str, Check]]:
    """Each event of a row that others show, and how it is tried."""

    def delete(row: Object) -> None:
        run(f"DELETE FROM {row.table} WHERE {row.here}")

    yield "deleted", lambda: noted(shown, delete)
    for column in shown.watched:
        if column != shown.key and column != shown.tenant:
            yield f"updated in {column}", lambda c=column: noted(shown, lambda row: row.update(c))  # type: ignore[misc]
    if shown.created:
        yield "inserted", lambda: noted_when_inserted(shown)
    if connection.vendor == "sqlite":
        yield "replaced by itself", lambda: noted_when_replaced(shown, ())
        for columns in shown.unique:
            yield f"replaced by {columns}", lambda c=columns: noted_when_replaced(shown, c)  # type: ignore[misc]
            yield f"replaced by update of {columns}", lambda c=columns: noted_when_another(shown, c)  # type: ignore[misc]


def wrong(checks: Iterator[tuple[str, Check]]) -> list[str]:
    """The events of which the logs have not what they must have."""
    found = []
    held = [(table, each) for table, each in kept() if "." in each.source]
    for name, check in checks:
        try:
            with undone():
                good = check() and (name.startswith("replaced") or not unkept(held))
        except DatabaseError as error:  # a trigger that another one needs is missing
            good = False
            name = f"{name}: {error}"
        if not good:
            found.append(name)
    return found

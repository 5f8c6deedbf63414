"""All rows of the database as they are, to be put back later: cheaper than to make them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, transaction

from realtime.capture.intervals import HELD, ROLE
from realtime.publishing.publisher import publisher
from tests.announced import announced

KEPT = {"django_content_type", "auth_permission", "django_migrations"}
"""Tables that migrations fill, and no test empties."""

WRITTEN_BY_TRIGGERS = (
    "earshot_permissions_accesschange",
    "earshot_permissions_accessrevision",
    "earshot_realtime_belongs",
    "earshot_realtime_change",
    "earshot_realtime_held",
    "earshot_tenants_membershiptask",
)
"""Tables that are written when others are: emptied after those."""

NUMBERED = {
    "postgresql": "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED",
    "sqlite": "SELECT 1",
}
"""What gives access changes the revisions that they would have after the commit."""

PUT_BACK_LAST = tuple(table for table in WRITTEN_BY_TRIGGERS if table != "earshot_realtime_change")
"""Of these, the ones that are filled as they were."""


@dataclass(frozen=True)
class Rows:
    """What every table holds; valid while the permissions have the keys that they had."""

    permissions: tuple[int, int]
    tables: list[tuple[str, list[tuple[Any, ...]]]] = field(default_factory=list)

    @classmethod
    def recorded(cls) -> Rows:
        """What the tables hold now."""
        rows = cls(_permissions())
        with connection.cursor() as cursor:
            cursor.execute(NUMBERED[connection.vendor])
            for table in sorted({*connection.introspection.table_names(cursor)} - KEPT):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1")
                if found := cursor.fetchall():
                    rows.tables.append((table, found))
        return rows

    @property
    def valid(self) -> bool:
        """Whether these rows can be put back."""
        return self.permissions == _permissions()

    def put_back(self) -> None:
        """Insert the rows, with their keys, into tables that are empty, and announce nothing.

        Objects get new versions, and so the changes that say they were created are new ones.
        """
        # A look that somebody wakes meanwhile would else end after the one below, and have the next
        # one begin before these rows: what is prepared would be announced in the middle of a test.
        publisher.hold()
        try:
            announced()
            self._insert()
            if not connection.in_atomic_block:
                publisher.own.read()
        finally:
            publisher.release()

    def _insert(self) -> None:
        logs = [(table, rows) for table, rows in self.tables if table in PUT_BACK_LAST]
        with unannounced(), transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self.tables:
                if table not in WRITTEN_BY_TRIGGERS:
                    _insert(cursor, table, rows)
            for table in PUT_BACK_LAST:
                cursor.execute(f"DELETE FROM {table}")
            for table, rows in logs:
                _insert(cursor, table, rows)


class Filled:
    """What the migrations leave in the tables, for the models that are installed now."""

    def record(self) -> None:
        """Take what is there now for that."""
        self._permissions = _permissions()[0]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {HELD} WHERE source = %s", [ROLE])
            self._roles = cursor.fetchall()
        self._silent = silencing()
        self._models: Any = None

    def put_back(self) -> None:
        """Empty all other tables; what is here stays, unless a test deleted of it."""
        with unannounced(), transaction.atomic(), connection.cursor() as cursor:
            statements = [f"DELETE FROM {table}" for table in self._filled(cursor)]
            if connection.vendor == "postgresql":
                statements = ["; ".join(self._silent + statements)]
            for statement in statements:
                cursor.execute(statement)
            if self._roles:
                _insert(cursor, HELD, self._roles)
        if _permissions()[0] != self._permissions:
            emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)

    def _filled(self, cursor: Any) -> list[str]:
        """Return the tables with rows, quoted, in the order in which they are emptied."""
        tables = [connection.ops.quote_name(table) for table in self._others(cursor)]
        each = (f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {t})" for n, t in enumerate(tables))
        cursor.execute(" UNION ALL ".join(each))
        return [tables[number] for (number,) in cursor.fetchall()] + [*WRITTEN_BY_TRIGGERS]

    def _others(self, cursor: Any) -> Iterable[str]:
        """Return the models' tables that are there, but those that are emptied last."""
        models: Any = apps.get_models(include_auto_created=True)
        if models is not self._models:  # it is another list whenever there is another model
            self._models = models
            names = connection.introspection.django_table_names(include_views=False)
            self._names = {*names}.difference(KEPT, WRITTEN_BY_TRIGGERS)
        return self._names.intersection(connection.introspection.table_names(cursor))


filled = Filled()


@contextmanager
def unannounced() -> Iterator[None]:
    """What this block writes wakes nobody."""
    connection.ensure_connection()  # one that is opened later is seen again
    wrappers, connection.execute_wrappers[:] = [*connection.execute_wrappers], []
    try:
        yield
    finally:
        connection.execute_wrappers[:] = wrappers


def silencing() -> list[str]:
    """What a transaction that empties all tables begins with: then triggers do nothing for each.

    On SQLite they cannot be turned off, nor on PostgreSQL by whoever is no superuser.
    """
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')::bool")
        return ["SET LOCAL session_replication_role = replica"] if cursor.fetchone()[0] else []


def _insert(cursor: Any, table: str, rows: list[tuple[Any, ...]]) -> None:
    """In one statement, after which triggers in sets fire once, not for each row."""
    row = f"({', '.join(['%s'] * len(rows[0]))})"
    cursor.execute(
        f"INSERT INTO {connection.ops.quote_name(table)} VALUES {', '.join([row] * len(rows))}",
        [value for values in rows for value in values],
    )


def _permissions() -> tuple[int, int]:
    """Return how many there are, and the key of the last."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(id) FROM auth_permission")
        found: tuple[int, int] = cursor.fetchone()
        return found

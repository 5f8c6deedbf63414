"""Every way to write a row: Django's, past Django, and as migrations see it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Any, Final, NamedTuple

import psycopg
from django.apps import apps
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.live import database_url

Values = Mapping[str, Any]


class Write(NamedTuple):
    """What is written: a new row of these values, another row's values, or a row's end."""

    model: Any
    where: Values | None = None
    values: Values | None = None

    @property
    def event(self) -> str:
        if self.where is None:
            return "INSERT"
        return "DELETE" if self.values is None else "UPDATE"


def write(manager: Any, how: Write) -> None:
    """By a query set."""
    if how.where is None:
        manager.bulk_create([manager.model(**how.values or {})])
    elif how.values is None:
        assert manager.filter(**how.where).delete()[0]
    else:
        assert manager.filter(**how.where).update(**how.values)


def by_instance(how: Write) -> None:
    if how.where is None:
        how.model(**how.values or {}).save()
        return
    row: Any = models.QuerySet(how.model).get(**how.where)
    if how.values is None:
        row.delete()
        return
    for name, value in how.values.items():
        setattr(row, name, value)
    row.save()


def by_query_set(how: Write) -> None:
    write(how.model.objects, how)


def by_base_manager(how: Write) -> None:
    write(how.model._base_manager, how)


UNMIGRATED: Final = ("keyed", "listed")


@cache
def history(migrated: bool) -> Any:
    """The models as a migration gets them; of apps without migrations, as it would."""
    if migrated:
        return MigrationLoader(connection).project_state().apps
    return ProjectState.from_apps(apps).apps


def by_historical_model(how: Write) -> None:
    meta = how.model._meta
    model = history(meta.app_label not in UNMIGRATED).get_model(meta.label)
    values = how.values
    if values is not None:  # by keys: there the models are others
        values = dict(
            (f"{name}_id", value.pk) if isinstance(value, models.Model) else (name, value)
            for name, value in values.items()
        )
    write(model._base_manager, Write(model, how.where, values))


REPLICA: Final = "SET LOCAL session_replication_role = replica"


def columns(how: Write) -> dict[str, Any]:
    """The columns of the new row, or those that change, as the database takes them."""
    written = how.values or {}
    row = how.model(**written)
    fields = [f for f in how.model._meta.concrete_fields if not f.generated]
    fields = [f for f in fields if how.where is None or f.name in written]
    prepared = {f.column: f.get_db_prep_save(f.pre_save(row, add=True), connection) for f in fields}
    key = how.model._meta.pk.column
    return {c: value for c, value in prepared.items() if c != key or value is not None}


def statement(how: Write) -> tuple[str, list[Any]]:
    """The SQL that writes it, and its values."""
    quote = connection.ops.quote_name
    table, key = quote(how.model._meta.db_table), quote(how.model._meta.pk.column)
    values = {} if how.values is None else columns(how)
    names = [quote(name) for name in values]
    if how.where is None:
        marks = ", ".join(["%s"] * len(names))
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", [*values.values()]
    prepared = how.model._meta.pk.get_db_prep_value
    # Whatever a model's own managers hide, other programs see.
    found: Any = models.QuerySet(how.model).filter(**how.where).values_list("pk", flat=True)
    pks = [prepared(pk, connection) for pk in found] or [None]
    here = f"WHERE {key} IN ({', '.join(['%s'] * len(pks))})"
    if how.values is None:
        return f"DELETE FROM {table} {here}", pks
    sets = ", ".join(f"{name} = %s" for name in names)
    return f"UPDATE {table} SET {sets} {here}", [*values.values(), *pks]


def by_sql(how: Write) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*statement(how))


def by_another_program(*how: Write, commit: bool = True) -> None:
    """As `psql` or `sqlite3` do: over a connection of its own, of which Django knows nothing."""
    _elsewhere([statement(one) for one in how], commit=commit)


def by_replication(how: Write) -> None:
    """As a subscription applies what another server wrote: only the triggers of rows fire."""
    _elsewhere([(REPLICA, ()), statement(how)], commit=True)


def elsewhere(sql: str, params: Sequence[Any] = ()) -> None:
    """Run and commit a statement over a connection of the driver's own."""
    _elsewhere([(sql, params)], commit=True)


def _elsewhere(statements: Sequence[tuple[str, Sequence[Any]]], *, commit: bool) -> None:
    """All in one transaction."""
    if connection.vendor == "postgresql":
        with psycopg.connect(database_url()) as postgresql:
            for sql, params in statements:
                postgresql.execute(sql, params)
            (postgresql.commit if commit else postgresql.rollback)()
        return
    path, wait = connection.settings_dict["NAME"], 60
    with closing(sqlite3.connect(path, wait)) as sqlite:
        for sql, params in statements:
            sqlite.execute(sql.replace("%s", "?"), params)
        (sqlite.commit if commit else sqlite.rollback)()


def by_copy(how: Write) -> None:
    values = columns(how)
    names = ", ".join(map(connection.ops.quote_name, values))
    table = connection.ops.quote_name(how.model._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        copy.write_row([*values.values()])


Way = Callable[[Write], None]
WAYS: dict[str, Way] = {
    "instance": by_instance,
    "query set": by_query_set,
    "base manager": by_base_manager,
    "historical model": by_historical_model,
    "SQL": by_sql,
}
if connection.vendor == "postgresql":
    WAYS["COPY"] = by_copy


def ways_of(how: Write) -> list[str]:
    """The ways that there are for this write, in a transaction of the caller's."""
    return [name for name in WAYS if name != "COPY" or how.event == "INSERT"]

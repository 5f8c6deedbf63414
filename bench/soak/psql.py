"""Writes as `psql` makes them: over connections of their own, of which Django knows nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.conf import settings

Statement = tuple[str, Sequence[Any]]


def run(*statements: Statement) -> None:
    """Run these in one transaction."""
    database = settings.DATABASES["default"]
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname=database["NAME"],
    ) as connection:
        for sql, values in statements:
            connection.execute(sql, values)


def update(model: Any, where: Mapping[str, Any], values: Mapping[str, Any]) -> Statement:
    """The statement that gives the rows with these columns' values other ones."""
    columns = ", ".join(f"{name} = %s" for name in values)
    text, wanted = _where(where)
    return f"UPDATE {model._meta.db_table} SET {columns} {text}", [*values.values(), *wanted]


def insert(model: Any, values: Mapping[str, Any]) -> Statement:
    """The statement that adds a row with these columns' values."""
    marks = ", ".join(["%s"] * len(values))
    into = f"{model._meta.db_table} ({', '.join(values)})"
    return f"INSERT INTO {into} VALUES ({marks}) ON CONFLICT DO NOTHING", [*values.values()]


def delete(model: Any, where: Mapping[str, Any]) -> Statement:
    """The statement that deletes the rows with these columns' values."""
    text, wanted = _where(where)
    return f"DELETE FROM {model._meta.db_table} {text}", wanted


def _where(where: Mapping[str, Any]) -> Statement:
    return "WHERE " + " AND ".join(f"{name} = %s" for name in where), [*where.values()]

"""The index by which rows of guardian's generic tables are found by their object: guardian has none
that begins with it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from permissions.audiences import Resource
from permissions.grant_tables import GrantTable


def read_tables(resources: Iterable[Resource]) -> list[GrantTable]:
    """Return the generic tables that these resources read, each once."""
    found = [table for each in resources for table in each.grant_tables if table.is_generic]
    return [*{table.table: table for table in found}.values()]


def is_indexed(table: GrantTable) -> bool:
    """Return whether an index begins with the content type and the object."""
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, table.table)
    wanted = {table.columns["type"], table.columns["object"]}
    return any({*each["columns"][:2]} == wanted for each in there.values() if each["index"])


def create(table: GrantTable) -> None:
    """Create the index; on PostgreSQL, writers go on meanwhile."""
    name = connection.ops.quote_name(f"{table.table}_by_object"[:63])
    at_once = "CONCURRENTLY " if connection.vendor == "postgresql" else ""
    columns = ", ".join(
        connection.ops.quote_name(table.columns[column]) for column in ("type", "object")
    )
    where = connection.ops.quote_name(table.table)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {name}")  # an interrupted one is invalid
        cursor.execute(f"CREATE INDEX {at_once}{name} ON {where} ({columns})")

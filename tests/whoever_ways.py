"""Every way to write a row of the matrix: Django's, and what only databases know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from tests.realtime.capture.ways import (
    WAYS,
    Write,
    by_another_program,
    by_replication,
    elsewhere,
    ways_of,
)

quoted = connection.ops.quote_name


def whole(how: Write) -> tuple[str, dict[str, Any]]:
    """The start of an INSERT of the whole row as it will be, and its columns."""
    row: Any = QuerySet(how.model).get(**how.where or {})
    for name, value in (how.values or {}).items():
        setattr(row, name, value)
    fields = [field for field in how.model._meta.concrete_fields if not field.generated]
    values = {f.column: f.get_db_prep_save(getattr(row, f.attname), connection) for f in fields}
    names, marks = ", ".join(map(quoted, values)), ", ".join(["%s"] * len(values))
    return f"INTO {quoted(how.model._meta.db_table)} ({names}) VALUES ({marks})", values


def by_upsert(how: Write) -> None:
    """The row is there already, and takes the new values."""
    into, values = whole(how)
    sets = ", ".join(f"{name} = excluded.{name}" for name in map(quoted, values))
    key = quoted(how.model._meta.pk.column)
    elsewhere(f"INSERT {into} ON CONFLICT ({key}) DO UPDATE SET {sets}", [*values.values()])


def by_replacing(how: Write) -> None:
    """The row goes without a word, and comes again with the new values."""
    into, values = whole(how)
    elsewhere(f"INSERT OR REPLACE {into}", [*values.values()])


def by_truncating(how: Write) -> None:
    """All its table's rows go, and those that name them."""
    elsewhere(f"TRUNCATE {quoted(how.model._meta.db_table)} CASCADE")


EVERY_WAY: dict[str, Callable[[Write], None]] = {
    **WAYS,
    "another program": by_another_program,
    "cascade": WAYS["instance"],
    "ON CONFLICT": by_upsert,
}
EVERY_WAY |= (
    {"TRUNCATE": by_truncating, "replication": by_replication}
    if connection.vendor == "postgresql"
    else {"OR REPLACE": by_replacing}
)
SHARED = (
    "auth_group",
    "auth_permission",
    "django_content_type",
    "earshot_tenants_tenant",
    "earshot_tenants_user",
)
"""What cannot go without all that is there."""


def every_way_of(how: Write) -> list[str]:
    """The ways that there are for this write, but for a cascade, which is another's."""
    ways = [*ways_of(how), "another program"]
    if how.event == "UPDATE":
        ways += [way for way in ("ON CONFLICT", "OR REPLACE") if way in EVERY_WAY]
    if how.event == "DELETE" and how.model._meta.db_table not in SHARED:
        ways += [way for way in ("TRUNCATE",) if way in EVERY_WAY]
    if how.event != "DELETE" or how.model._meta.db_table not in SHARED:  # it takes nothing along
        ways += [way for way in ("replication",) if way in EVERY_WAY]
    return ways

"""A trigger as plain data, and the SQL that both databases share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db import connection

from permissions.models import AccessChange, AccessRevision, ObjectVersion
from realtime.capture.models import Change
from tenants.models import Tenant

PREFIX: Final = "earshot_"
LONGEST: Final = 63  # PostgreSQL truncates longer names silently
CHANGES: Final[str] = Change._meta.db_table
ACCESSES: Final[str] = AccessChange._meta.db_table
REVISIONS: Final[str] = AccessRevision._meta.db_table
TENANTS: Final[str] = Tenant._meta.db_table
VERSIONS: Final[str] = ObjectVersion._meta.db_table


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: its name, its table, its source, and the statements that create it.

    `source` is what the database returns for it: on PostgreSQL the body of its function, on SQLite
    the whole statement. `{schema}` in a statement stands for the schema of the tables. `needs` are
    the tables without which it would fail. `events` are the writes that fire it; `REPLACE` is a
    write that first deletes the rows in its way.
    """

    name: str
    table: str
    source: str
    statements: tuple[str, ...]
    needs: frozenset[str]
    events: frozenset[str]

    @property
    def key(self) -> tuple[str, str]:
        """Return the key by which it is found in a database."""
        return self.table, self.name


def named(table: str, what: str) -> str:
    """Return the name of a table's trigger; a long one is shortened, and stays unique."""
    name = f"{PREFIX}{table}_{what}"
    if len(name) <= LONGEST:
        return name
    return name[: LONGEST - 9] + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]


def quoted(name: str) -> str:
    """Return the identifier in quotes."""
    return '"' + name.replace('"', '""') + '"'


def looked_up(table: str, alias: str, condition: str) -> str:
    """Return the join of the rows of a table that those before them name."""
    if connection.vendor != "postgresql":
        return f"JOIN {quoted(table)} {alias} ON {condition}"
    # Else what is guessed of the tables may turn it round: all written rows anew for each object.
    of = f"SELECT * FROM {quoted(table)} {alias} WHERE {condition} OFFSET 0"
    return f"CROSS JOIN LATERAL ({of}) {alias}"


def literal(text: str) -> str:
    """Return the text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def columns(side: str, names: Iterable[str]) -> list[str]:
    """Return these columns of NEW or OLD."""
    return [f"{side}.{quoted(name)}" for name in names]


def stays(tenant: str, lock: str = "") -> str:
    """Return the condition that this tenant is not being deleted: if it is, nobody sees anything in
    it, and nobody is told of a loss. `lock` keeps a deletion from being revoked meanwhile."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {TENANTS} gone"
        f" WHERE gone.id = {tenant} AND gone.deleting_since IS NOT NULL{lock})"
    )


def everybody(cause: str, now: str) -> str:
    """Return the statement that touches everything of every tenant, even of deleted ones."""
    return (
        f"INSERT INTO {ACCESSES} (tenant_id, cause, at)"
        f" SELECT id, {literal(cause)}, {now} FROM (SELECT id FROM {TENANTS}"
        f" UNION SELECT tenant_id FROM {REVISIONS}) AS everybody;"
    )

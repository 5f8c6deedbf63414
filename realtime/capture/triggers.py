"""A trigger as plain data, and how two databases spell its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "earshot_"
LONGEST: Final = 63  # PostgreSQL cuts longer names without a word
CHANGES: Final = "realtime_change"
ACCESSES: Final = "permissions_accesschange"
REVISIONS: Final = "permissions_accessrevision"
TENANTS: Final = "tenants_tenant"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: its name, its table, what it does, and the statements that create it.

    `source` is what the database gives back of it: on PostgreSQL the body of its function, on
    SQLite the whole statement. `{schema}` in a statement stands for the schema of the tables.
    `needs` are the tables without which it would fail; `events` are the writes that fire it, of
    which `REPLACE` is one that first deletes what is in its way.
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
    """Return the name of a table's trigger; a long one is shortened, and still unique."""
    name = f"{PREFIX}{table}_{what}"
    if len(name) <= LONGEST:
        return name
    return name[: LONGEST - 9] + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]


def quoted(name: str) -> str:
    """Return the identifier, in quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return the text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def columns(side: str, names: Iterable[str]) -> list[str]:
    """Return the columns of NEW or OLD."""
    return [f"{side}.{quoted(name)}" for name in names]


def stays(tenant: str, lock: str = "") -> str:
    """The condition that this tenant is not being deleted: there nobody sees anything any more, and
    nobody must be told what they lose. `lock` keeps that from being taken back meanwhile."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {TENANTS} gone"
        f" WHERE gone.id = {tenant} AND gone.deleting_since IS NOT NULL{lock})"
    )


def everybody(cause: str, now: str) -> str:
    """Return the statement that touches everything of every tenant, also of those that are gone."""
    return (
        f"INSERT INTO {ACCESSES} (tenant_id, cause, at)"
        f" SELECT id, {literal(cause)}, {now} FROM (SELECT id FROM {TENANTS}"
        f" UNION SELECT tenant_id FROM {REVISIONS}) AS everybody;"
    )

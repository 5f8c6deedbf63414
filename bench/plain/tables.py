"""Copies of tables with their indexes, constraints and foreign keys, and without triggers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

COPIES: Final = {
    "earshot_tenants_user": "plain_user",
    "resources_document": "plain_document",
    "resources_documentusergrant": "plain_documentusergrant",
    "resources_documentgroupgrant": "plain_documentgroupgrant",
    "earshot_tenants_user_groups": "plain_user_groups",
}
"""Each table's copy, after those that it refers to."""

FOREIGN_KEYS: Final = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY conname
"""
ON_SQLITE: Final = """
SELECT sql FROM sqlite_master
WHERE tbl_name = %s AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC
"""


def make(connection: Any) -> None:
    """Make the copies; only users are filled, to whom the others refer."""
    with connection.cursor() as cursor:
        for table in COPIES:
            for statement in _statements(connection.vendor, cursor, table):
                cursor.execute(statement)
        cursor.execute("INSERT INTO plain_user SELECT * FROM earshot_tenants_user")


def _statements(vendor: str, cursor: Any, table: str) -> Iterable[str]:
    if vendor == "sqlite":
        cursor.execute(ON_SQLITE, [table])
        return [renamed(sql, COPIES) for (sql,) in cursor.fetchall()]
    copy = COPIES[table]
    cursor.execute(FOREIGN_KEYS, [table])
    return [
        f"CREATE TABLE {copy} (LIKE {table} INCLUDING ALL)",
        *(f"ALTER TABLE {copy} ADD {referring(key, COPIES)}" for (key,) in cursor.fetchall()),
    ]


def renamed(sql: str, copies: Mapping[str, str]) -> str:
    """SQLite's own statement for a table or an index, for the copy of the table."""
    of_copy = re.sub(r'"(\w+)"', lambda found: f'"{copies.get(found[1], found[1])}"', sql)
    return re.sub(r'(INDEX )"(\w+)"', r'\1"plain_\2"', of_copy, count=1)


def referring(key: str, copies: Mapping[str, str]) -> str:
    """PostgreSQL's definition of a foreign key, to the copy of its table if there is one."""
    return re.sub(
        r"(REFERENCES )(\w+)", lambda found: found[1] + copies.get(found[2], found[2]), key, count=1
    )

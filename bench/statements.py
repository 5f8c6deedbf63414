"""What PostgreSQL itself counts: the statements that it ran."""

from __future__ import annotations

from django.db import connection

CONTROL = ("BEGIN%", "COMMIT%", "ROLLBACK%", "SET %", "SAVEPOINT%", "RELEASE%")


def forget() -> None:
    """Count from now on."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        cursor.execute("SELECT pg_stat_statements_reset()")


def ran() -> int:
    """How many statements ran since, on all connections, without those of transactions' limits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements"
            " WHERE query NOT ILIKE ALL(%s) AND query NOT LIKE '%%pg_stat_statements%%'",
            [list(CONTROL)],
        )
        return int(cursor.fetchone()[0])

"""How the database answers a query, where it knows how many rows a table has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}

Analyze = Callable[[Any], None]


def plan(found: QuerySet[Any]) -> str:
    """How the database answers with these rows."""
    sql, params = found.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(EXPLAIN[connection.vendor] + sql, params)
        return " ".join(str(cell) for row in cursor.fetchall() for cell in row)

"""Whether the open intervals are what the rows say now."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from realtime.capture.installing import kept
from realtime.capture.intervals import COLUMNS, Kept
from realtime.capture.triggers import literal, quoted


def unkept(of: Iterable[tuple[str, Kept]] | None = None) -> list[str]:
    """What differs, of these tables or of all."""
    found = []
    for table, each in kept() if of is None else of:
        columns = ", ".join(
            name for name in COLUMNS[each.into] if name not in ("given_by", "purpose")
        )
        source = f"{each.into} WHERE source = {literal(each.source)} AND ended_at IS NULL"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {source}")
            there = sorted(cursor.fetchall(), key=repr)
            rows = each.begins.format(row=quoted(table))
            cursor.execute(f"SELECT {columns} FROM ({rows}) b")
            must = sorted(cursor.fetchall(), key=repr)
        if there != must:
            found.append(f"{each.source}: {there}, not {must}")
    return found

"""Inserts rows of which some may be there already, by a statement whose text is written once.

What is pushed is written at each change: there, the ORM takes three times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from django.db import connection, models, transaction

from realtime.capture.batches import BATCH


def insert_new(rows: Iterable[models.Model]) -> None:
    """Insert these rows of one model; those that a constraint refuses stay as they are.

    Keys, and what the database gives by itself, are left to it. All or none are inserted.
    """
    rows = list(rows)
    if not rows:
        return
    fields = _given(type(rows[0]))
    size = min(BATCH, connection.ops.bulk_batch_size(fields, rows))
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    with transaction.atomic() if len(batches) > 1 else nullcontext(), connection.cursor() as cursor:
        for batch in batches:
            values = [
                field.get_db_prep_save(getattr(row, field.attname), connection)
                for row in batch
                for field in fields
            ]
            cursor.execute(_text(type(rows[0]), len(batch)), values)


@lru_cache(maxsize=32)
def _text(model: type[models.Model], count: int) -> str:
    fields = _given(model)
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    table = connection.ops.quote_name(model._meta.db_table)
    rows = ", ".join([row] * count)
    return f"INSERT INTO {table} ({names}) VALUES {rows} ON CONFLICT DO NOTHING"  # noqa: S608 - ours


def _given(model: type[models.Model]) -> list[Any]:
    fields: Iterable[Any] = model._meta.concrete_fields
    return [field for field in fields if not field.primary_key and not field.has_db_default()]

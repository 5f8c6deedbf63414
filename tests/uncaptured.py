"""Writes that nobody notices: as if somebody had taken a table's triggers away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from realtime.capture.installing import GENERATORS, wanted
from resources.models import Document


@contextmanager
def uncaptured(model: Any) -> Iterator[None]:
    """What this block writes to the model's table escapes."""
    generator = GENERATORS[connection.vendor]
    triggers = [t for t in wanted(connection.vendor) if t.table == model._meta.db_table]
    with connection.cursor() as cursor:
        for trigger in triggers:
            generator.drop(cursor, *trigger.key)
        try:
            yield
        finally:
            for trigger in triggers:
                generator.create(cursor, trigger, None)


def execute(sql: str, *params: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def unseen(sql: str, *params: int) -> None:
    """Write to documents without their triggers."""
    with uncaptured(Document):
        execute(sql, *params)

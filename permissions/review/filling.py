"""Canaries: two values for a column that occur nowhere else. No I/O."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import models

NOON: Final = datetime(2100, 1, 1, 12, tzinfo=UTC)


def canaries(column: Any, number: int) -> tuple[Any, Any] | None:
    """Return two values of this column for a number that is used only once; None if it has none."""
    if column.choices:
        values = [value for value, _ in column.flatchoices if value not in (None, "")]
        return (values[0], values[1]) if len(values) > 1 else None
    for kind, make in KINDS:
        if isinstance(column, kind):
            first, second = make(column, 2 * number), make(column, 2 * number + 1)
            return None if first == second else (first, second)
    return None


def _word(number: int) -> str:
    """Return a word; the second of each two is longer, since a length may be shown, too."""
    return f"canary{number:06}" + "x" * (number % 2)


def _text(column: Any, number: int) -> str:
    word = _word(number)
    return word if column.max_length is None else word[-column.max_length :]


def _decimal(column: Any, number: int) -> Decimal:
    digits = column.max_digits or 9
    return Decimal(number % 10 ** min(digits, 9)).scaleb(-column.decimal_places)


def _integer(column: Any, number: int) -> int:
    return number % 30_000  # so that it fits the smallest column


KINDS: Final[tuple[tuple[type[models.Field[Any, Any]], Callable[[Any, int], Any]], ...]] = (
    (models.BooleanField, lambda column, number: bool(number % 2)),
    (models.EmailField, lambda column, number: f"{_word(number)}@example.com"),
    (models.CharField, _text),
    (models.TextField, _text),
    (models.DecimalField, _decimal),
    (models.FloatField, lambda column, number: number + 0.5),
    (models.IntegerField, _integer),
    (models.DateTimeField, lambda column, number: NOON + timedelta(days=number)),
    (models.DateField, lambda column, number: date(2100, 1, 1) + timedelta(days=number)),
    (models.TimeField, lambda column, number: time(number // 60 % 24, number % 60)),
    (models.DurationField, lambda column, number: timedelta(seconds=number)),
    (models.UUIDField, lambda column, number: uuid.UUID(int=number)),
    (models.JSONField, lambda column, number: {"canary": _word(number)}),
    (models.BinaryField, lambda column, number: _text(column, number).encode()),
    (models.GenericIPAddressField, lambda column, number: f"10.0.{number // 256}.{number % 256}"),
)


def is_switch(column: Any) -> bool:
    """Return whether the column has only a few values, which have a meaning for the database."""
    return bool(column.choices) or isinstance(column, models.BooleanField)


def is_traceable(value: Any) -> bool:
    """Return whether the value is a text that can be searched for in an answer's bytes."""
    return isinstance(value, str) and value.startswith("canary")

"""The bounds of a resource's columns: each must state one, and no value may exceed it."""

from __future__ import annotations

from typing import Any, Final

import orjson
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.duration import duration_microseconds
from rest_framework import serializers

from tenants.strict import unfit

SHORT: Final = (
    models.BooleanField,
    models.DateField,
    models.DurationField,
    models.FloatField,
    models.GenericIPAddressField,
    models.IntegerField,  # and every kind of integer
    models.TimeField,
    models.UUIDField,
)
"""Columns whose type limits their size."""


def is_bounded(column: Any) -> bool:
    """Return whether the column states how much it may hold.

    Text and binary columns: `max_length`. JSON, and other columns without their own length:
    `max_length` too, in bytes of JSON. Arrays: `size` and bounded items. Decimals: `max_digits`.
    """
    if column.is_relation or column.choices or isinstance(column, SHORT):
        return True
    if isinstance(column, models.DecimalField):
        return column.max_digits is not None
    if isinstance(column, models.GeneratedField):
        return is_bounded(column.output_field)
    if hasattr(column, "base_field"):  # of an array, or of both ends of a range
        return getattr(column, "size", 2) is not None and is_bounded(column.base_field)
    return column.max_length is not None


def is_bounded_field(field: Any) -> bool:
    """Return whether a serializer field without a column bounds what people may write.

    Lists and texts: `max_length`. Objects and JSON: an attribute of this name. Decimals:
    `max_digits`.
    """
    if isinstance(field, serializers.DecimalField):
        return field.max_digits is not None
    if isinstance(field, serializers.ListField):
        return field.max_length is not None and is_bounded_field(field.child)
    if isinstance(field, serializers.IPAddressField):
        return True
    unbounded = (serializers.CharField, serializers.DictField, serializers.JSONField)
    if isinstance(field, unbounded):
        return getattr(field, "max_length", None) is not None
    return getattr(field, "max_length", True) is not None


def beyond(column: Any, value: Any) -> list[str]:
    """Return the errors of this column's bounds and validators for a value, empty if it fits."""
    if value is None:
        return []
    if isinstance(column, models.JSONField) or isinstance(value, dict):
        return _beyond_as_json(column, value)
    if isinstance(column, models.DurationField) and abs(duration_microseconds(value)) >= 2**63:
        return ["Must fit into 64 bits, in microseconds."]
    if isinstance(column, models.TextField) and len(value) > (column.max_length or len(value)):
        return [f"Ensure this value has at most {column.max_length} characters."]
    try:
        column.run_validators(value)
    except ValidationError as error:
        return list(error.messages)
    return []


def _beyond_as_json(column: Any, value: Any) -> list[str]:
    reason = unfit(value)
    if reason is not None:
        return [reason]
    size = len(orjson.dumps(value, default=str))
    if size > (column.max_length or size):
        return [f"Has {size} bytes as JSON; at most {column.max_length} are allowed."]
    return []

"""Declared filters: `where` narrows a list or a window by values of payload fields.

What counts is the payload of the reader's own audience: a field that it does not have matches
nothing. `match` decides for a payload, `permissions.filter_columns` for rows of the database, and
both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import orjson
from django.db import models

from permissions.audiences import Resource
from permissions.rendering import shared_serializer
from tenants.strict import NAMES, json_types, unfit

Value = str | int | float | bool | None
Where = tuple[tuple[str, tuple[Value, ...]], ...]
"""Fields in alphabetical order, each with the values of which a payload must have one."""

EVERYTHING: Final[Where] = ()

MOST_VALUES: Final = 100
"""The number of values that one field may be compared with."""


class InvalidWhere(ValueError):
    """A filter that is not declared, or whose value the field cannot have."""

    def __init__(self, field: str | None, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(reason if field is None else f"`{field}`: {reason}")


def match(where: Where, payload: Mapping[str, Any] | None) -> bool:
    """Return whether a payload has, for each field in `where`, one of the values.

    Without a payload, because the object cannot be shown, only the empty `where` matches.
    """
    if not where:
        return True
    if payload is None:
        return False
    return all(
        name in payload and any(same(payload[name], value) for value in values)
        for name, values in where
    )


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal in type and value; all numbers are of one type."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def parse_where(resource: Resource, raw: Any) -> Where:
    """Return the filters of a client's JSON, by field; raise InvalidWhere.

    Each field has a value, or a list of values.
    """
    if raw is None:
        return EVERYTHING
    if not isinstance(raw, dict):
        raise InvalidWhere(None, "`where` must be an object of fields and values.")
    return tuple(
        (name, _checked(resource, name, value if isinstance(value, list) else [value]))
        for name, value in sorted(raw.items())
    )


def parse_query(resource: Resource, query: Any) -> Where:
    """Return the declared filters among query parameters, by field; raise InvalidWhere.

    A repeated parameter asks for one of several values. Values that are no texts are written as in
    JSON: `?done=true`.
    """
    return tuple(
        (
            name,
            _checked(resource, name, [_from_text(resource, name, t) for t in query.getlist(name)]),
        )
        for name in sorted(resource.filters)
        if name in query
    )


def _checked(resource: Resource, name: str, values: list[Any]) -> tuple[Value, ...]:
    if name not in resource.filters:
        raise InvalidWhere(name, "This is not a declared filter.")
    if not 0 < len(values) <= MOST_VALUES:
        raise InvalidWhere(name, f"There must be between 1 and {MOST_VALUES} values.")
    types = types_of(resource, name)
    for value in values:
        if value is not None and type(value) not in types:
            raise InvalidWhere(name, f"Must be {' or '.join(NAMES[t] for t in types)}, or null.")
        reason = None if type(value) is float and isfinite(value) else unfit(value)
        if reason:
            raise InvalidWhere(name, reason)
    return tuple(values)


def _from_text(resource: Resource, name: str, text: str) -> Any:
    """Return the JSON value that a query parameter spells; texts are not quoted."""
    if str in types_of(resource, name):
        column = resource.model._meta.get_field(name)
        is_text = isinstance(column, models.CharField | models.TextField)
        return None if text == "null" and not is_text else text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text  # which the field cannot have


def types_of(resource: Resource, name: str) -> tuple[type, ...]:
    """Return the JSON types that the field has in any audience's payload, in a fixed order."""
    shown = [a.serializer for a in resource.audiences if name in a.fields]
    found = {t for s in shown for t in json_types(shared_serializer(s).fields[name]) or ()}
    return tuple(t for t in NAMES if t in found)

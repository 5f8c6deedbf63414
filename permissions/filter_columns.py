"""Filters as conditions on a resource's table, which hold where `filters.match` does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.db import models

from permissions.audiences import Audience, Resource
from permissions.filters import Value, Where, same
from permissions.rendering import plainly, shared_serializer
from tenants.strict import unfit

FILTERABLE: Final = (
    models.BooleanField,
    models.CharField,
    models.DateField,  # and date-times
    models.DecimalField,
    models.DurationField,
    models.FloatField,
    models.IntegerField,  # and every kind of integer
    models.TextField,
    models.TimeField,
    models.UUIDField,
)
"""Columns whose values can be compared exactly as they are shown."""

EXACT_DIGITS: Final = 15
"""SQLite keeps no more digits of a decimal."""

AS_WRITTEN: Final = {
    "postgresql": 'CAST({column} AS text) COLLATE "C"',
    "sqlite": "{column} COLLATE BINARY",
}
"""A text, compared by its characters whatever the column's collation says."""


class Parameters(dict[str, Any]):
    """The values of a statement under construction, by the names they were given."""

    def put(self, value: Any) -> str:
        """Add a value and return its placeholder."""
        name = f"v{len(self)}"
        self[name] = value
        return f"%({name})s"


def why_not(resource: Resource, name: str) -> str | None:
    """Return why the resource cannot be filtered by this name, or None if it can."""
    serializers = [audience.serializer for audience in resource.audiences]
    shown = [s for s in serializers if name in getattr(s.Meta, "fields", ())]
    if not shown:
        return "no audience sees it"
    concrete: Any = resource.model._meta.concrete_model
    column = {c.name: c for c in concrete._meta.local_concrete_fields}.get(name)
    if not isinstance(column, FILTERABLE) or column.primary_key:
        return "it is no column of a text, number, boolean, time or UUID in the model's own table"
    if hasattr(column, "from_db_value"):
        return "its column converts what is stored"
    if isinstance(column, models.DecimalField) and (column.max_digits or 0) > EXACT_DIGITS:
        return f"it has more than {EXACT_DIGITS} digits"
    for serializer in shown:
        if name in serializer._declared_fields or name in getattr(
            serializer.Meta, "extra_kwargs", {}
        ):
            return f"{serializer.__name__} shows it in a way of its own"
    return None


def condition(
    resource: Resource, audience: Audience, where: Where, parameters: Parameters, connection: Any
) -> str | None:
    """Return the condition under which this audience's payload of row `o` matches; None: never."""
    texts = []
    for name, values in where:
        text = _one_of(resource, audience, name, values, parameters, connection)
        if text is None:
            return None
        texts.append(f" AND {text}")
    return "".join(texts)


def _one_of(
    resource: Resource,
    audience: Audience,
    name: str,
    values: tuple[Value, ...],
    parameters: Parameters,
    connection: Any,
) -> str | None:
    if name not in audience.fields:
        return None
    column: Any = resource.model._meta.get_field(name)
    field = shared_serializer(audience.serializer).fields[name]
    stored = [_stored(column, field, v, connection) for v in values if v is not None]
    places = [parameters.put(value) for value in stored if value is not None]
    quoted = f"o.{connection.ops.quote_name(column.column)}"
    either = [f"{quoted} IS NULL"] if None in values else []
    if places:
        is_text = isinstance(column, models.CharField | models.TextField)
        plain = AS_WRITTEN[connection.vendor].format(column=quoted) if is_text else quoted
        either.append(f"{plain} IN ({', '.join(places)})")
    return f"({' OR '.join(either)})" if either else None


def _stored(column: Any, field: Any, value: Value, connection: Any) -> Any:
    """Return the stored value that is shown as this JSON value, or None if there is none."""
    if isinstance(value, str) and unfit(value):
        return None
    try:
        with plainly():
            found = column.to_python(value)
            if not same(field.to_representation(found), value):
                return None
        if isinstance(found, Decimal) and found.is_zero() and found.is_signed():
            return None  # it is stored, and shown, without the sign
        if isinstance(column, models.IntegerField) and not _fits(column, found, connection):
            return None
        return column.get_db_prep_value(found, connection)
    except Exception:  # converters and fields may raise anything for what they do not know
        return None


def _fits(column: Any, number: int, connection: Any) -> bool:
    least, most = connection.ops.integer_field_range(column.get_internal_type())
    return bool((least is None or least <= number) and (most is None or number <= most))

"""How a serializer's fields look in JSON: complete in answers, and exact in bodies."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from rest_framework import serializers
from rest_framework.fields import empty

from project.contracts.schemas import Schema, closed

BOUNDS: Final = {
    "default", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "pattern",
}  # fmt: skip
"""What bodies must keep to. Stored data may be older than a bound, so answers promise none."""

NEEDLESS: Final = {"readOnly", "title", "writeOnly", "x-spec-enum-id"}
"""What says nothing where each direction has schemas of its own."""

KEPT_FORMATS: Final = {"date", "date-time", "uuid"}
"""The formats that every value of such a field has; a `time` would have a zone."""

TEXT: Final = r"^[^\u0000]*$"
NOT_EMPTY: Final = r"^[^\u0000]+$"
NOT_BLANK: Final = r"^[^\u0000]*[^\u0000\s][^\u0000]*$"


class ContractSchema(AutoSchema):
    """Describes serializers: an object has nothing but what is named, and an answer all of it.

    A serializer may name fields in `one_of`: each answer has exactly one of them.
    """

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        bound = force_instance(serializer)
        describe = sent if direction == "request" else answered
        properties = {
            name: describe(bound.fields[name], part)
            for name, part in schema.get("properties", {}).items()
        }
        about = {"description": schema["description"]} if "description" in schema else {}
        if direction == "request":
            return closed(properties, set(properties) - set(schema.get("required", ()))) | about
        alternatives = getattr(bound, "one_of", ())
        absent = _left_out(bound) - set(alternatives)
        if alternatives:
            each = [_with(properties, name, alternatives) for name in alternatives]
            return {"oneOf": [closed(parts, absent) for parts in each]} | about
        return closed(properties, absent) | about

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        kept = super()._postprocess_serializer_schema(schema, serializer, direction)
        return _without(kept, NEEDLESS)  # only now: it looks for what is read-only


def _left_out(serializer: Any) -> set[str]:
    """Return the fields that an answer may lack; a payload has all of its fields."""
    if isinstance(serializer, serializers.ModelSerializer):
        return set()
    fields = serializer.fields.items()
    return {n for n, f in fields if not (f.required or f.read_only) and f.default is empty}


def _with(properties: dict[str, Schema], name: str, others: Collection[str]) -> dict[str, Schema]:
    """Return the properties with this one of the alternatives."""
    return {n: part for n, part in properties.items() if n == name or n not in others}


def answered(field: Any, schema: Schema) -> Schema:
    """Return the schema of a field's values in answers."""
    plain: Schema = _without(schema, BOUNDS, KEPT_FORMATS)
    if _is_anything(field):
        return _without(plain, {"oneOf"})
    if isinstance(field, serializers.DecimalField) and _is_text(plain):
        plain["pattern"] = _decimals(field, exactly=True)
    if isinstance(field, serializers.CharField):
        plain = {n: part for n, part in plain.items() if n == "description"} | {"type": "string"}
        if field.allow_null:
            plain["type"] = ["string", "null"]
    if "type" in plain and _may_be_null(field):
        plain["type"] = [plain["type"], "null"]
    return plain


def _without(schema: Any, names: Collection[str], formats: Collection[str] | None = None) -> Any:
    """Return the schema without these keywords, and without formats other than `formats`."""
    if isinstance(schema, list):
        return [_without(part, names, formats) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {n: _without(part, names, formats) for n, part in schema.items() if n not in names}
    if "properties" in schema:  # whose names are no keywords
        parts = schema["properties"].items()
        kept["properties"] = {n: _without(part, names, formats) for n, part in parts}
    if formats is not None and kept.get("format") not in formats:
        kept.pop("format", None)
    return kept


def _may_be_null(field: Any) -> bool:
    """Return whether a column is null for which DRF does not say so, as it is not editable."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    if model is None or field.allow_null:
        return False
    column = {c.name: c for c in model._meta.concrete_fields}.get(field.source)
    return column is not None and bool(column.null)


def sent(field: Any, schema: Schema) -> Schema:
    """Return the schema of what a field takes from bodies."""
    if isinstance(field, serializers.DecimalField) and _is_text(schema):
        return schema | {"pattern": _decimals(field, exactly=False)}
    if _is_anything(field):
        return _without(schema, {"oneOf"})
    if isinstance(field, serializers.TimeField):
        return _without(schema, (), KEPT_FORMATS)
    if not isinstance(field, serializers.CharField) or {"format", "oneOf"} & set(schema):
        return schema
    pattern = TEXT
    if not field.allow_blank:
        pattern = NOT_BLANK if field.trim_whitespace else NOT_EMPTY
    rest = {name: part for name, part in schema.items() if name != "minLength"}
    return {"pattern": pattern} | rest


def _is_anything(field: Any) -> bool:
    """Return whether it takes any JSON, of which null is one."""
    return isinstance(field, serializers.JSONField)


def _is_text(schema: Schema) -> bool:
    return "string" in schema.get("type", ())


def _decimals(field: Any, *, exactly: bool) -> str:
    places = field.decimal_places or 0
    whole = f"[0-9]{{1,{field.max_digits - places}}}" if field.max_digits else "[0-9]+"
    if not places:
        return f"^-?{whole}$"
    if exactly:
        return rf"^-?{whole}\.[0-9]{{{places}}}$"
    return rf"^-?{whole}(\.[0-9]{{1,{places}}})?$"

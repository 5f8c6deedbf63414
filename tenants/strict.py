"""Which JSON a body's field accepts: its own types only, and nothing that could not be stored and
shown again unchanged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import relations, serializers
from rest_framework.utils.field_mapping import ClassLookupDict

MAX_DEPTH: Final = 100
"""Levels of nested lists and objects: well below the limit of any JSON reader."""

LEAST, MOST = -(2**63), 2**64 - 1
"""The integers that databases can store and that can be rendered."""

NAMES: Final = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}
ANYTHING: Final = tuple(NAMES)

JSON_TYPES: Final[Mapping[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...]]] = {
    serializers.BooleanField: (bool,),
    serializers.CharField: (str,),  # and e-mail, regular expressions, slugs, URLs, IP addresses
    serializers.DateField: (str,),
    serializers.DateTimeField: (str,),
    serializers.DecimalField: (str,),  # a JSON number has lost its digits before anybody looks
    serializers.DictField: (dict,),
    serializers.DurationField: (str,),
    serializers.FileField: (),  # no JSON is a file
    serializers.FloatField: (int, float),
    serializers.HyperlinkedRelatedField: (str,),
    serializers.IntegerField: (int,),
    serializers.JSONField: ANYTHING,
    serializers.ListField: (list,),
    serializers.ListSerializer: (list,),
    serializers.ManyRelatedField: (list,),
    serializers.ModelField: (str,),  # binary columns, in base64
    serializers.MultipleChoiceField: (list,),
    serializers.Serializer: (dict,),
    serializers.TimeField: (str,),
    serializers.UUIDField: (str,),
    type(serializers.ListField.child): ANYTHING,  # items of which nothing is said
}
"""The JSON types that a field class and its subclasses take; null is the field's own affair.

Choices take the types of what may be chosen, relations those of the column that they look in.
A field class that is not here names its own in an attribute `json_types`.
"""

FINER: Final = re.compile(r"[.,]\d{6}\d*[1-9]|\d{15}")
"""Parts of a second below a microsecond; a run of so many digits is no time at all."""

OF_ZONES: Final = frozenset("Zz+-")

_COLUMNS: Any = ClassLookupDict(serializers.ModelSerializer.serializer_field_mapping)


def json_types(field: Any) -> tuple[type, ...] | None:
    """Return the JSON types that the field takes, or None if they are not known."""
    own: tuple[type, ...] | None = getattr(field, "json_types", None)
    if own is not None:
        return own
    if isinstance(field, serializers.ChoiceField) and not _is_multiple(field):
        return tuple({_type_of_choice(choice) for choice in field.choices} | _blank(field))
    if isinstance(field, relations.SlugRelatedField | relations.PrimaryKeyRelatedField):
        return _types_of_target(field)
    return _types_of_class(type(field))


def _types_of_class(field_class: type) -> tuple[type, ...] | None:
    return next((JSON_TYPES[c] for c in field_class.__mro__ if c in JSON_TYPES), None)


def mistake(field: Any, value: Any) -> Any:
    """Return what is wrong with this JSON for the field, in the form of DRF's errors, or None."""
    # A column of floats keeps what a column of JSON gives back as an integer.
    as_float = isinstance(field, serializers.FloatField) and type(value) is float
    reason = None if as_float else unfit(value)
    return [reason] if reason else _mistake(field, value)


def unfit(value: Any, depth: int = 0) -> str | None:
    """Return why this JSON cannot be stored and returned unchanged in any field, or None."""
    match value:
        case str():
            return _unfit_text(value)
        case bool() | None:
            return None
        case int() if not LEAST <= value <= MOST:
            return "Integers must fit into 64 bits."
        case float() if not math.isfinite(value):
            return "Numbers must be finite."
        case float() if value.is_integer() and not LEAST <= value <= MOST:
            return "Whole numbers must fit into 64 bits."  # PostgreSQL gives them back as integers
        case Repeating():
            return f"The key {next(iter(value.repeated))!r} appears more than once."
        case dict() | list():
            return _unfit_items(value, depth + 1)
    return None


def _unfit_text(text: str) -> str | None:
    if "\0" in text:
        return "Null characters are not allowed."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "Unpaired surrogates are not allowed."
    return None


def _unfit_items(value: dict[str, Any] | list[Any], depth: int) -> str | None:
    if depth > MAX_DEPTH:
        return f"Lists and objects must not be nested deeper than {MAX_DEPTH}."
    items: Iterable[Any] = value
    if isinstance(value, dict):
        items = [*value, *value.values()]
    return next((reason for item in items if (reason := unfit(item, depth))), None)


class Repeating(dict[str, Any]):
    """A JSON object in which some keys occur more than once."""

    repeated: frozenset[str]

    @staticmethod
    def parse(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return the object of these pairs; `json.loads` takes this as its `object_pairs_hook`."""
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        names = [name for name, _ in pairs]
        found = Repeating(plain)
        found.repeated = frozenset(name for name in plain if names.count(name) > 1)
        return found


def _mistake(field: Any, value: Any) -> Any:
    if value is None:
        return None
    types = json_types(field) or ()
    if type(value) not in types:
        return [f"Must be {' or '.join(NAMES[t] for t in types)}." if types else "Invalid type."]
    match field:
        case serializers.Serializer():
            return _mistakes({f.field_name: f for f in field._writable_fields}, value)
        case serializers.ListSerializer() | serializers.ListField():
            return _mistakes(dict.fromkeys(range(len(value)), field.child), dict(enumerate(value)))
        case serializers.DictField():
            return _mistakes(dict.fromkeys(value, field.child), value)
        case relations.ManyRelatedField():
            many = dict.fromkeys(range(len(value)), field.child_relation)
            return _mistakes(many, dict(enumerate(value)))
        case serializers.MultipleChoiceField():
            return None if all(_chosen(field, item) for item in value) else ["Not a valid choice."]
    return _mistake_of_value(field, value) or _what_is_lost(field, value)


def _mistakes(fields: Mapping[Any, Any], values: Mapping[Any, Any]) -> dict[Any, Any] | None:
    found = {k: _mistake(field, values[k]) for k, field in fields.items() if k in values}
    return {key: wrong for key, wrong in found.items() if wrong} or None


def _mistake_of_value(field: Any, value: Any) -> list[str] | None:
    match field:
        case serializers.ChoiceField() if not _chosen(field, value):
            return ["Not a valid choice."]
        case serializers.DecimalField() | relations.RelatedField() if not str(value).strip():
            return ["May not be blank."]  # DRF reads it as null
        case serializers.DurationField() if not value.strip():
            return ["May not be blank."]  # Django reads it as zero
        case serializers.FloatField() if type(value) is int and float(value) != value:
            return ["Has too many digits for a floating-point number."]
        case serializers.ModelField() if not _comes_back(field.model_field, value):
            return ["Not a valid value."]
    return None


def _what_is_lost(field: Any, value: Any) -> list[str] | None:
    """Return what the field would silently drop from the text."""
    match field:
        case serializers.TimeField() if not OF_ZONES.isdisjoint(value):
            return ["Must not have a time zone."]
        case serializers.TimeField() | serializers.DateTimeField() | serializers.DurationField():
            return ["Must not be finer than microseconds."] if FINER.search(value) else None
        case serializers.IPAddressField() if "%" in value:
            return ["Must not have a zone index."]
    return None


def _is_multiple(field: Any) -> bool:
    return isinstance(field, serializers.MultipleChoiceField)


def _blank(field: Any) -> set[type]:
    return {str} if field.allow_blank else set()


def _type_of_choice(choice: Any) -> type:
    """Return the type in which a choice is sent: its value's own, or text where JSON has none."""
    return next((t for t in (bool, int, float) if isinstance(choice, t)), str)


def _chosen(field: Any, value: Any) -> bool:
    """Return whether the value is a choice, in its own type: `true` and `"1"` are not `1`."""
    if value == "" and field.allow_blank:
        return True
    same = [c for c in field.choices if c is not None and _type_of_choice(c) is type(value)]
    return any((c if isinstance(c, str | int | float) else str(c)) == value for c in same)


def _types_of_target(field: Any) -> tuple[type, ...] | None:
    if getattr(field, "pk_field", None) is not None:
        return json_types(field.pk_field)
    meta = field.get_queryset().model._meta
    try:
        column = meta.get_field(getattr(field, "slug_field", None) or meta.pk.name)
    except FieldDoesNotExist:  # a path over relations
        return (str,)
    return _types_of_class(_COLUMNS[column])


def _comes_back(column: Any, text: str) -> bool:
    """Return whether a column without a serializer field of its own shows what it was given."""
    try:
        held = SimpleNamespace(**{column.attname: column.to_python(text)})
        return bool(column.value_to_string(held) == text)
    except (TypeError, ValueError, DjangoValidationError):
        return False


class StrictFields(serializers.Serializer[Any]):
    """A serializer's mixin: fields take their own JSON types only, and each mistake is named."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        wrong = _mistakes_of_body(self._writable_fields, data)
        right = {name: value for name, value in data.items() if name not in wrong}
        try:
            values = super().to_internal_value(right)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **wrong}) from None  # type: ignore[dict-item]
        if wrong:
            raise serializers.ValidationError(wrong)
        return values


def _mistakes_of_body(fields: Iterable[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    named = {field.field_name: field for field in fields if field.field_name in data}
    found = {name: mistake(field, data[name]) for name, field in named.items()}
    return {name: wrong for name, wrong in found.items() if wrong is not None}


class StrictSerializer(StrictFields):
    """The body of a call: strict types, and keys that it does not know are refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else set()
        if unknown:
            raise serializers.ValidationError({name: ["Unknown field."] for name in unknown})
        return super().to_internal_value(data)

"""Primary keys of whatever type: integers, UUIDs and texts, as the logs and messages hold them.

The logs have rows of many models in one column, so each key says there what it is: an integer is a
letter for how many digits it has, and its digits, so that it comes in an index after all smaller
ones; a UUID is `u` and its hexadecimal digits, a text `t` and itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import models

Key = Any
"""An object's primary key: an int, a UUID or a str, always of one type for one model."""

INTEGER: Final = "integer"
UNIQUE: Final = "uuid"
TEXT: Final = "text"
KINDS: Final = (
    (models.IntegerField, INTEGER),
    (models.UUIDField, UNIQUE),
    (models.CharField, TEXT),
    (models.TextField, TEXT),
)
LONGEST: Final = 255
"""The most characters of a key that is a text."""

LETTERS: Final = "ABCDEFGHIJKLMNOPQRST"
"""For how many characters a number has: `A` for one."""

DIGITS: Final = "CAST({0} AS text)"
TYPES: Final = {INTEGER: "bigint", UNIQUE: "uuid", TEXT: "text"}
"""The types to which a statement casts keys."""

NOBODY: Final = {INTEGER: 0, UNIQUE: UUID(int=0), TEXT: ""}
"""A key that no row has."""

AS_LOGGED: Final = {
    INTEGER: f"substr('{LETTERS}', length({DIGITS}), 1) || {DIGITS}",
    UNIQUE: "'u' || replace(CAST({0} AS text), '-', '')",
    TEXT: "'t' || {0}",
}


class UnknownKind(TypeError):
    """A model's primary key is neither an integer, a UUID nor a text."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        super().__init__(
            f"The primary key of {model._meta.label} is neither an integer, a UUID nor a text: give"
            " the model such a key, and make what it had a unique constraint."
        )


def field_of(model: type[models.Model]) -> models.Field[Any, Any]:
    """Return the field that holds the values of the model's primary key: that of another model if
    the key is a foreign key."""
    return target_of(model._meta.pk)


def target_of(field: Any) -> models.Field[Any, Any]:
    """Return the field whose values a field holds: that of another model for a foreign key."""
    while field.remote_field:
        field = field.target_field
    found: models.Field[Any, Any] = field
    return found


@cache
def kind_of(model: type[models.Model]) -> str:
    """Return what the model's keys are; raise UnknownKind."""
    return kind_of_field(field_of(model), model)


def kind_of_field(field: models.Field[Any, Any], model: type[models.Model]) -> str:
    """Return what a field's values are, of the model that asks; raise UnknownKind.

    Those of a field of a project's own that converts them are not what statements compare.
    """
    for base, kind in KINDS:
        if isinstance(field, base) and not hasattr(field, "from_db_value"):
            return kind
    raise UnknownKind(model)


def users() -> type[models.Model]:
    """Return the project's user model, once the models are loaded."""
    return apps.get_model(settings.AUTH_USER_MODEL)


def user_type() -> str:
    """Return the type to which a statement casts users' keys."""
    return TYPES[kind_of(users())]


def nobody() -> Key:
    """Return a key that no user has."""
    return NOBODY[kind_of(users())]


def spelled(key: Key) -> int | str:
    """Return the key as messages hold it: an integer is itself."""
    if isinstance(key, UUID):
        return f"u{key.hex}"
    return f"t{key}" if isinstance(key, str) else int(key)


def as_logged(key: Key) -> str:
    """Return the key as the logs hold it."""
    value = spelled(key)
    if isinstance(value, str):
        return value
    digits = str(value)
    return LETTERS[len(digits) - 1] + digits


def read(value: int | str) -> Key:
    """Return the key that messages or the logs hold like this."""
    if isinstance(value, str):
        match value[:1]:
            case "u":
                return UUID(value[1:])
            case "t":
                return value[1:]
        return int(value[1:])
    return value


def logged(kind: str, column: str) -> str:
    """Return SQL for this column of keys of this kind, as the logs hold it."""
    return AS_LOGGED[kind].format(column)


def named(column: str) -> str:
    """Return SQL for this column of users' keys, as names of principals hold it: `spelled`."""
    kind = kind_of(users())
    return column if kind == INTEGER else logged(kind, column)


def converter(model: type[models.Model], connection: Any) -> Callable[[Any], Key] | None:
    """Return what makes keys of the values that a cursor returns; None if they are keys."""
    raw = connection.vendor == "sqlite" and kind_of(model) == UNIQUE
    return UUID if raw else None


def parameter(key: Key, connection: Any) -> Any:
    """Return the key as a parameter of a statement."""
    return key.hex if connection.vendor == "sqlite" and isinstance(key, UUID) else key


def parameters(some: Collection[Any], vendor: str) -> Any:
    """Return any number of keys or names as one parameter: a JSON array for SQLite's `json_each`,
    an array for PostgreSQL's `ANY`.

    Integers are spelled at once: the driver takes far longer, each time a statement names them.
    """
    if vendor == "sqlite":
        return json.dumps([key.hex if isinstance(key, UUID) else key for key in some])
    if all(type(key) is int for key in some):
        return "{" + ",".join(map(str, some)) + "}"
    return list(some)


class KeyField(models.Field):  # type: ignore[type-arg]
    """A column of keys of whatever models."""

    description = "The key of a row of whatever model"

    def db_type(self, connection: Any) -> str:
        return "text"

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        found: dict[str, Any] = {**super().db_parameters(connection)}
        if connection.vendor == "postgresql":
            found["collation"] = "C"  # compares bytes, about as fast as numbers
        return found

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return as_logged(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Key:
        return None if value is None else read(value)

    def to_python(self, value: Any) -> Key:
        return value

    def value_to_string(self, obj: Any) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))


class UserKeyField(models.Field):  # type: ignore[type-arg]
    """A column of users' keys, of whichever type; no relation, since a log outlives users."""

    description = "The key of a user"

    @property
    def target(self) -> models.Field[Any, Any]:
        """Return the field that holds the keys of the project's users."""
        return field_of(users())

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        return super().get_col(alias, output_field or self.target)

    def db_type(self, connection: Any) -> str | None:
        return self.target.rel_db_type(connection)

    def cast_db_type(self, connection: Any) -> str | None:
        return self.target.cast_db_type(connection)

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        collation = self.target.db_parameters(connection).get("collation")
        return {"type": self.db_type(connection), "check": None, "collation": collation}

    def get_prep_value(self, value: Any) -> Any:
        return self.target.get_prep_value(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return self.target.get_db_prep_value(value, connection, prepared)

    def to_python(self, value: Any) -> Key:
        return self.target.to_python(value)

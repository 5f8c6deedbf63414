"""What the database refuses, as a REST error that names the field and no other stored data."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.apps import apps
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, DataError, IntegrityError, models
from rest_framework import exceptions, serializers, status

log = logging.getLogger(__name__)

RAISED = "P0001"
"""The SQLSTATE of errors that a trigger raises in PostgreSQL."""

TOO_LONG = "54000"
"""The one of a value that an index cannot have."""


class Conflict(exceptions.APIException):
    """Stored data, or a database constraint, does not allow the write."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The database rejected this: it would violate a constraint."
    default_code = "conflict"


class StillNeeded(Conflict):
    """Other objects refer to the one to be deleted."""

    default_detail = "This object cannot be deleted: other objects refer to it."
    default_code = "still_needed"


def refusal(error: Exception, written: Mapping[str, str]) -> exceptions.APIException | None:
    """Return the REST error for what the database, or a model's own validation, said of a write.

    `written` is what `names_of` returns: no other fields are named. None for other kinds of error.
    """
    match error:
        case models.ProtectedError() | models.RestrictedError():
            return StillNeeded()
        case ValidationError():
            return _invalid(error, written)
        case IntegrityError() | DataError():
            return _refused(error, written)
        case DatabaseError() if _state(error) in (RAISED, TOO_LONG):
            return _refused(error, written)
    return None


def _refused(error: Exception, written: Mapping[str, str]) -> exceptions.APIException:
    columns = {*_columns(error)}
    named = {written[column] for column in columns if column in written}
    of_value = isinstance(error, DataError) or _state(error) == TOO_LONG
    if of_value and not named and len({*written.values()}) == 1:
        named = {*written.values()}
    log.warning("The database rejected a write: %s, fields: %s", type(error).__name__, named)
    if not named:
        return Conflict()
    # Unique within the tenant: it may be told of its own rows. Otherwise the message says nothing.
    unique = _is_unique(error) and bool({"tenant", "tenant_id"} & columns)
    said = "Must be unique." if unique else "Not an allowed value."
    found = {name: [said] for name in sorted(named)}
    return serializers.ValidationError(found, code="unique" if unique else "invalid")


def _state(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _invalid(error: ValidationError, written: Mapping[str, str]) -> exceptions.APIException:
    """Return a model's validation errors, with messages only for fields of the body."""
    by_field: Mapping[str, Any] = {NON_FIELD_ERRORS: error.messages}
    if hasattr(error, "error_dict"):
        by_field = error.message_dict
    found = {written[name]: texts for name, texts in by_field.items() if name in written}
    return serializers.ValidationError(found or {"non_field_errors": ["Not allowed."]})


def _is_unique(error: Exception) -> bool:
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(error).startswith("UNIQUE") if diagnosis is None else diagnosis.sqlstate == "23505"


def _columns(error: Exception) -> Iterable[str]:
    """Return the columns that the database's error is about, named by it or by its constraint."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is None:  # SQLite's messages hold no values
        names = re.findall(r"\w+", str(error))
        constraints = [*names, str(error).partition(": ")[2]]
    else:
        # "Key (a, b)=(1, 2) already exists." Only the names: the values may look like names too.
        key = re.search(r"\(([\w, ]+)\)=\(", diagnosis.message_detail or "")
        names = [*re.findall(r"\w+", key[1] if key else ""), diagnosis.column_name or ""]
        constraints = [diagnosis.constraint_name or ""]
    yield from names
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name in constraints or _has_columns(model, constraint, names):
                yield from _fields_of(constraint)


def _has_columns(model: Any, constraint: Any, names: Collection[str]) -> bool:
    """Return whether the constraint has these columns; SQLite does not say its name."""
    if model._meta.db_table not in names or not getattr(constraint, "fields", ()):
        return False
    own = {model._meta.get_field(name).column for name in constraint.fields}
    return own == {c.column for c in model._meta.concrete_fields} & {*names}


def _fields_of(constraint: Any) -> Iterable[str]:
    """Return the fields of a constraint, with those of its expressions and conditions."""
    yield from getattr(constraint, "fields", ())
    condition = getattr(constraint, "condition", None)
    if condition is not None:
        yield from condition.referenced_base_fields
    for expression in getattr(constraint, "expressions", ()):
        one = expression[0] if isinstance(expression, tuple) else expression  # an exclusion's pair
        parts = one.flatten() if hasattr(one, "flatten") else [one]
        yield from (str(getattr(part, "name", part)) for part in parts)


def names_of(serializer: Any) -> dict[str, str]:
    """Return which fields and columns each field of a model serializer's body is written into."""
    columns = {
        n: c for c in serializer.Meta.model._meta.concrete_fields for n in (c.name, c.attname)
    }
    return {
        name: str(field.field_name)
        for field in serializer._writable_fields
        if field.field_name in serializer.initial_data and field.source in columns
        for name in (columns[field.source].name, columns[field.source].column)
    }

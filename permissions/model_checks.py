"""System checks of the models that resources are declared for: what cannot work says what does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, models

from permissions import generic_grants
from permissions.audiences import registry
from tenants.keys import LONGEST, TEXT, UnknownKind, field_of, kind_of


def check_model(model: Any) -> Iterator[checks.CheckMessage]:
    """Yield what keeps the model's objects from being declared."""
    try:
        kind = kind_of(model)
    except UnknownKind:
        yield _error(
            60,
            f"The key of {model._meta.label} is neither an integer, a UUID nor a text.",
            "Give the model such a primary key, and make what it had a UniqueConstraint.",
            model,
        )
        return
    if kind == TEXT:
        yield from _check_text(model, field_of(model))


def _check_text(model: Any, field: Any) -> Iterator[checks.CheckMessage]:
    """Check a text that is a key: its ids must have a length, and each key one spelling."""
    if not 0 < (field.max_length or 0) <= LONGEST or isinstance(field, models.TextField):
        yield _error(
            61,
            f"The key of {model._meta.label} is a text without a bound.",
            f"Make it a CharField with a max_length of at most {LONGEST}.",
            model,
        )
    if field.db_collation:
        yield _error(
            62,
            f"The key of {model._meta.label} is compared by the collation {field.db_collation!r}.",
            "Remove its db_collation: the logs and ids compare keys character by character.",
            model,
        )


def check_generic_grants(
    databases: Collection[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Return the resources of which guardian's generic tables give what their own do not."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    there = set(connection.introspection.table_names())
    return [
        checks.Warning(
            f"Permissions on {resource.label} stand in guardian's generic tables, where they give"
            " nothing: guardian reads none there once a model has tables of its own.",
            hint=f"Run manage.py copy_grants {resource.label}; it deletes nothing.",
            obj=resource.model,
            id="earshot.W064",
        )
        for resource in registry
        if there >= generic_grants.tables(resource) and generic_grants.is_missing(resource)
    ]


def _error(number: int, message: str, hint: str, obj: Any) -> checks.Error:
    return checks.Error(message, hint=hint, obj=obj, id=f"earshot.E{number:03}")

"""System checks of the models that resources are declared for: what cannot work says what does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, models

from permissions import generic_grants, grant_index
from permissions.audiences import Resource, registry
from permissions.models import GroupGrant, UserGrant
from tenants.keys import LONGEST, TEXT, UnknownKind, field_of, kind_of
from tenants.problems import problem


def check_model(model: Any) -> Iterator[checks.CheckMessage]:
    """Yield what keeps the model's objects from being declared."""
    try:
        kind = kind_of(model)
    except UnknownKind:
        yield problem(
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
        yield problem(
            61,
            f"The key of {model._meta.label} is a text without a bound.",
            f"Make it a CharField with a max_length of at most {LONGEST}.",
            model,
        )
    if field.db_collation:
        yield problem(
            62,
            f"The key of {model._meta.label} is compared by the collation {field.db_collation!r}.",
            "Remove its db_collation: the logs and ids compare keys character by character.",
            model,
        )


def check_tables(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Yield what keeps grants on the resource from being stored, or read."""
    for tables, base in ((resource.user_tables, UserGrant), (resource.group_tables, GroupGrant)):
        if not tables:
            yield problem(
                1,
                f"{resource.label} has no table of this kind in any of its sources.",
                f"Subclass {base.__module__}.{base.__name__} with a `content_object` foreign key,"
                " or name Generic() in `sources`.",
                resource.model,
            )
    for table in resource.grant_tables:
        if reason := table.why_not():
            yield problem(
                65,
                f"{table.model._meta.label} gives nothing on {resource.label}: {reason}.",
                "Let `content_object` refer to the primary key, and rows have integer keys.",
                table.model,
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
            hint=f"Once they exist, run manage.py copy_grants {resource.label}, which deletes"
            " nothing; or declare sources=(Direct(), Generic()), and both are read.",
            obj=resource.model,
            id="earshot.W064",
        )
        for resource in registry
        if generic_grants.is_missing(resource, there)
    ]


def check_indexes(databases: Collection[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Return the generic tables that are read without an index by object."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    there = set(connection.introspection.table_names())
    return [
        checks.Warning(
            f"{table.table} has no index by object: what an object's grants are, and each write of"
            " an object, reads all of it.",
            hint="Run manage.py index_grants.",
            obj=table.model,
            id="earshot.W066",
        )
        for table in grant_index.read_tables(registry)
        if table.table in there and not grant_index.is_indexed(table)
    ]

"""System checks of the forms that Django gives models and relations: what would be followed wrongly
is refused, and says what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Final

from django.apps import apps
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, router

from permissions.audiences import Resource, registry
from permissions.links import links
from permissions.rows import listed
from tenants import hosted
from tenants.hosted_checks import are_right
from tenants.problems import problem
from tenants.tables import SIGNS, why_not_made, why_not_named
from tenants.tenancy import NoTenant, along
from tenants.users import User

CLASSES: Final = {
    "abstract": "Declare each model that inherits it.",
    "swapped": "Declare the model that the setting names.",
    "proxy": "Declare the model that it stands for, whose rows it shares.",
}

NEEDED: Final = ("auth", "contenttypes", "guardian", "knox")
"""The apps of others whose tables are read, and followed."""


def check_form(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Yield what keeps the model, as it is declared, from being followed."""
    model: Any = resource.model
    yield from check_class(model)
    if any(getattr(model._meta, name) for name in CLASSES):
        return
    for each in followed(resource):
        yield from _check_table(each)
        yield from _check_columns(each)
        yield from _check_databases(each)
    yield from _check_holders(resource)


def followed(resource: Resource) -> list[Any]:
    """Return the models whose tables are followed: that of the objects, of what says whose they
    are, of what links and grants them to people, and of what they show."""
    found: list[Any] = [resource.model, *(shows.model for shows in resource.shows)]
    with suppress(NoTenant):  # which `adoption_checks` reports
        found += along(resource.model, resource.tenancy)
    with suppress(LookupError, ValueError):  # which `row_checks` reports
        found += [each.model for each in listed(resource)]
    found += [link.through for link in links(resource)]
    found += [table.model for table in resource.grant_tables]
    return [*dict.fromkeys(model._meta.concrete_model or model for model in found)]


def check_class(model: Any) -> Iterator[checks.CheckMessage]:
    """Check that the rows of one table are the model's objects."""
    for name, instead in CLASSES.items():
        if getattr(model._meta, name):
            yield problem(70, f"{model._meta.label} is {name}: it has no table.", instead, model)
    if parents := [parent._meta.label for parent in model._meta.parents if not model._meta.proxy]:
        yield problem(
            71,
            f"{model._meta.label} has columns in the table of {parents[0]}: changes there would not"
            " be seen.",
            f"Declare {parents[0]}, or make it abstract.",
            model,
        )


def _check_table(model: Any) -> Iterator[checks.CheckMessage]:
    if reason := why_not_named(model):
        yield problem(
            72,
            f"The table {model._meta.db_table} of {model._meta.label} {reason}.",
            "Give `db_table` a plain name, and set the schema by the connection's search_path.",
            model,
        )


def _check_columns(model: Any) -> Iterator[checks.CheckMessage]:
    for field in model._meta.local_concrete_fields:
        if any(sign in field.column for sign in SIGNS):
            yield problem(
                75,
                f"The column {field.column!r} of {model._meta.label} cannot be named in statements"
                " that have parameters.",
                f"Give {field.name} a `db_column` without {SIGNS!r}.",
                model,
            )


def check_views(databases: Collection[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Return the named models whose rows are those of a view, on which no trigger fires."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or not are_right():
        return []
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_list(cursor)
    views = {each.name for each in found if each.type == "v"}
    named: list[Any] = [each.model for each in (hosted.organizations(), hosted.members()) if each]
    for resource in registry:
        named += followed(resource)
    return [
        problem(
            76,
            f"{model._meta.label} is a view: no trigger fires for what changes there.",
            "Name the models of the tables that it reads.",
            model,
        )
        for model in dict.fromkeys(named)
        if model._meta.db_table in views
    ]


def check_databases(**_: Any) -> list[checks.CheckMessage]:
    """Return where routers keep, or read, what the apps need besides the declared models."""
    needed: set[Any] = {User._meta.concrete_model}
    if are_right():
        needed |= {each.model for each in (hosted.organizations(), hosted.members()) if each}
    needed |= {model for model in apps.get_models() if _is_needed(model._meta.app_label)}
    elsewhere: dict[str, list[str]] = {}
    for model in needed:
        for alias in _elsewhere(model):
            elsewhere.setdefault(alias, []).append(model._meta.label)
    return [
        problem(
            73,
            f"{', '.join(sorted(labels)[:3])} are kept in, or read from, the database {alias!r}:"
            " only `default` is followed.",
            "Let the routers keep and read them in `default`, replicas or not.",
            None,
        )
        for alias, labels in sorted(elsewhere.items())
    ]


def _is_needed(app_label: str) -> bool:
    """Return whether triggers or decisions name the app's tables."""
    return app_label.startswith("earshot_") or app_label in NEEDED


def _elsewhere(model: Any) -> set[str]:
    return {router.db_for_read(model), router.db_for_write(model)} - {DEFAULT_DB_ALIAS}


def _check_databases(model: Any) -> Iterator[checks.CheckMessage]:
    for alias in _elsewhere(model):
        yield problem(
            73,
            f"{model._meta.label} is kept in, or read from, the database {alias!r}: only `default`"
            " is followed.",
            "Let the routers keep and read it in `default`, replicas or not.",
            model,
        )

    if where := why_not_made(model):
        yield problem(
            73,
            f"Django makes the table of {model._meta.label} {where}, which `default` is not.",
            "Declare it only there: the app's `audiences` may ask for `connection.vendor`.",
            model,
        )


def _check_holders(resource: Resource) -> Iterator[checks.CheckMessage]:
    columns = {field.name: field for field in resource.model._meta.concrete_fields}
    for name in resource.named:
        column: Any = columns.get(name)
        if column is None:
            continue
        if not column.remote_field or not _names_users(column.related_model):
            reason = "it does not name users"
        elif not column.target_field.primary_key:
            reason = f"it holds their {column.target_field.name}"
        else:
            continue
        yield problem(
            74,
            f"{resource.label}.{name} cannot name holders: {reason}.",
            "In `holders`, use foreign keys to the user model's primary key.",
            resource.model,
        )


def _names_users(model: Any) -> bool:
    return issubclass(User, model._meta.concrete_model)

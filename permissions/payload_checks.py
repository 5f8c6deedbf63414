"""System checks that payloads can be built: of fields that are there, and of rows that are
followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_permission_codename
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured

from permissions.audiences import Audience, Resource, Shows
from permissions.bounds import is_bounded
from tenants.keys import UnknownKind, kind_of
from tenants.problems import problem


def why_not_built(audience: Audience) -> str:
    """Return why the audience's serializer has no fields; empty if it has."""
    try:
        audience.serializer().get_fields()
    except (AssertionError, FieldDoesNotExist, ImproperlyConfigured) as error:
        return str(error)
    return ""


def check_built(audience: Audience) -> Iterator[checks.CheckMessage]:
    """Check that the serializer's fields are those of its model, or its own."""
    if reason := why_not_built(audience):
        yield problem(
            78,
            f"{audience.serializer.__name__} cannot be built: {reason}",
            "In Meta.fields, list columns of the model, and each field that the class declares.",
            audience.serializer,
        )


def check_shows(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check that a change of what a payload shows of other rows is noticed."""
    for shows in resource.shows:
        if reason := _why_not_shown(resource, shows):
            yield problem(
                79,
                f"{resource.label}.{shows.field} cannot show {shows.model._meta.label}: {reason}.",
                "In `shows`, name columns of a model's own table, which has a key of its own.",
                resource.model,
            )


def _why_not_shown(resource: Resource, shows: Shows) -> str:
    meta: Any = shows.model._meta
    if meta.abstract or meta.swapped:
        return "it has no table"
    try:
        kind_of(meta.concrete_model)
    except UnknownKind as error:
        return str(error)
    own = {field.name for field in meta.concrete_model._meta.local_concrete_fields}
    if absent := [name for name in shows.fields if name not in own]:
        return f"{absent[0]!r} is no column of its table"
    mine = {field.name for field in resource.model._meta.get_fields()}
    if absent := [name for name in shows.by if name not in mine]:
        return f"{absent[0]!r} in `by` is no field of the object"
    return ""


def permissions_of(model: Any) -> set[str]:
    """Return the permissions that Django makes for the model."""
    meta = model._meta
    usual = {get_permission_codename(action, meta) for action in meta.default_permissions}
    return usual | {name for name, _ in meta.permissions}


def unbounded(shows: Shows) -> list[Any]:
    """Return the columns that are shown, and state no bound."""
    columns: Any = shows.model._meta.concrete_fields
    return [each for each in columns if each.name in shows.fields and not is_bounded(each)]

"""System checks of rows of the project's own that give audiences: each says what to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, ValidationError

from permissions.audiences import Resource
from permissions.rows import Listed, listed
from tenants.keys import TEXT, UnknownKind, kind_of, kind_of_field, target_of
from tenants.users import User

Reason = tuple[str, str]


def check_rows(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Yield what keeps rows that a source names from being read."""
    for each in listed(resource):
        for reason, hint in reasons(each):
            yield checks.Error(
                f"Rows({each.rows.model!r}, …) of {resource.label} cannot be read: {reason}.",
                hint=hint,
                obj=resource.model,
                id="earshot.E077",
            )


def reasons(each: Listed) -> Iterator[Reason]:
    """Yield why the rows cannot be read, with what to write instead."""
    try:
        model = each.model
    except (LookupError, ValueError):
        label = each.rows.model
        yield f"there is no model {label!r}", "Write the model as `app.Model`, of an installed app."
        return
    if absent := [*_absent(each)]:
        yield from absent
        return
    try:
        kind_of(model)
    except UnknownKind:
        yield "their own keys are neither integers, UUIDs nor texts", "Give the model such a key."
    yield from _objects(each)
    yield from _users(each)
    yield from _levels(each)


def _absent(each: Listed) -> Iterator[Reason]:
    """Yield the fields that are named, and are not there."""
    for name in each.names:
        if _field(each.model, name) is None:
            yield f"{each.model._meta.label} has no column {name!r}", _among(each.model)
    if each.rows.of and _field(each.resource.model, each.rows.of) is None:
        label = each.resource.model._meta.label
        yield f"{label} has no column {each.rows.of!r}", _among(each.resource.model)


def _among(model: Any) -> str:
    names = ", ".join(field.name for field in model._meta.concrete_fields)
    return f"{model._meta.label} has: {names}."


def _field(model: Any, name: str) -> Any:
    fields = {field.name: field for field in model._meta.local_concrete_fields}
    return fields.get(name)


def _leads(field: Any) -> Any:
    """Return the model to whose primary key a foreign key leads; None if it does not."""
    leads = field.many_to_one and field.target_field.primary_key
    return field.related_model._meta.concrete_model if leads else None


def _objects(each: Listed) -> Iterator[Reason]:
    target: Any = each.resource.model._meta.concrete_model
    named = each.rows.object
    if not isinstance(named, str):
        yield from _generic(each, *named)
        return
    leads, label = _leads(_field(each.model, named)), target._meta.label
    if each.rows.of:
        if leads is None or leads is not _leads(_field(target, each.rows.of)):
            yield (
                f"{named!r} and the object's {each.rows.of!r} lead to no common primary key",
                "Name foreign keys to the same model in `object` and `of`.",
            )
    elif leads is not target:
        yield (
            f"{named!r} is no foreign key to the primary key of {label}",
            "Name one in `object`, or a content type and a key; or add `of`: what both lead to.",
        )


def _generic(each: Listed, kind: str, key: str) -> Iterator[Reason]:
    if each.rows.of:
        yield "`of` cannot go with a content type", 'Write object="…", the foreign key.'
    if _leads(_field(each.model, kind)) is not ContentType:
        yield f"{kind!r} is no foreign key to content types", "Name it first in `object`."
    try:
        found = kind_of_field(target_of(_field(each.model, key)), each.model)
    except UnknownKind:
        found = ""
    if found not in (TEXT, kind_of(each.resource.model)):
        yield (
            f"{key!r} cannot have keys of {each.resource.label}",
            "Name the column of the key second in `object`: a text, or of the key's own type.",
        )


def _users(each: Listed) -> Iterator[Reason]:
    leads = _leads(_field(each.model, each.rows.user))
    if not each.rows.members:
        if leads is None or not issubclass(User, leads):
            yield (
                f"{each.rows.user!r} is no foreign key to the primary key of users",
                "Name it in `user`; for a team, add `members`, its many-to-many field to users.",
            )
        return
    if each.rows.of:
        yield "`members` cannot go with `of`", "Declare the rows that name users with `of`."
    try:
        members = leads and leads._meta.get_field(each.rows.members)
    except FieldDoesNotExist:
        members = None
    if not members or not members.many_to_many or not issubclass(User, members.related_model):
        yield (
            f"{each.rows.user!r} leads to no team whose {each.rows.members!r} are users",
            'In `members`, name a many-to-many field to users as queries do: "user" of a Group.',
        )


def _levels(each: Listed) -> Iterator[Reason]:
    one = isinstance(each.rows.gives, str)
    if one == bool(each.rows.level):
        yield "`level` and `gives` do not fit", 'Write gives="audience", or level="…", gives={…}.'
        return
    names = [audience.name for audience in each.resource.audiences]
    for value, name in each.rows.audiences.items():
        if name not in names:
            yield f"it gives the unknown audience {name!r}", f"Use {', '.join(names)} in `gives`."
        if not one and not _is_value(_field(each.model, each.rows.level), value):
            yield (
                f"{each.rows.level!r} cannot be {value!r}",
                "In `gives`, name the column's values: texts without '%', integers, True, None.",
            )


def _is_value(field: Any, value: Any) -> bool:
    if value is None:
        return bool(field.null)
    if not isinstance(value, str | int) or "%" in str(value):
        return False
    try:
        found = field.to_python(value)
    except ValidationError:
        return False
    return bool(found == value and isinstance(value, type(found)))

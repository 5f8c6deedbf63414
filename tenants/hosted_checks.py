"""System checks of the declarations of the project's own tenants and members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import models

from tenants import hosted, users
from tenants.hosted import FIELDS, MEMBERS, MODEL
from tenants.keys import TEXT, UnknownKind, field_of, kind_of, kind_of_field, target_of
from tenants.models import Role, Tenant
from tenants.problems import problem
from tenants.tables import why_not_named

SLUG: Final = 50
"""The most characters of our slugs."""

OF_TENANTS: Final = ("slug", "name", "active_while")
OF_MEMBERS: Final = ("model", "tenant", "user", "role", "roles", "active_while")
NEEDED: Final = ("model", "tenant", "user")


def check_hosted(**_: Any) -> list[checks.CheckMessage]:
    """Return what is wrong in the settings that declare the project's tenants and members."""
    given: Any = getattr(settings, MEMBERS, None)
    if not getattr(settings, MODEL, None):
        return [
            problem(50, f"{name} is set without {MODEL}.", f'Write {MODEL} = "app.Model" as well.')
            for name in (FIELDS, MEMBERS)
            if getattr(settings, name, None)
        ]
    found = list(_check_tenants())
    if given and not found:
        found += _check_members(given)
    return found


def are_right() -> bool:
    """Return whether they can be read: other checks that read them tell nothing otherwise."""
    return not any(each.is_serious() for each in check_hosted())


def _check_tenants() -> Iterator[checks.CheckMessage]:
    """Check the model of tenants, and which of its fields ours follow."""
    label = getattr(settings, MODEL)
    model = _model(label)
    if model is None:
        yield problem(50, f"{MODEL} is {label!r}, which is no model.", 'Write "app.Model".')
        return
    yield from _check_model(model, MODEL)
    if model is Tenant:
        reason = f"{MODEL} names our own model, which needs no other."
        yield problem(50, reason, f"Use it as it is, and leave {MODEL} out.")
        return
    if not _is_key(model):
        yield problem(
            50,
            f"The key of {model._meta.label} is no integer, UUID or text of at most {SLUG}"
            " characters.",
            "Give it such a key.",
        )
    given = getattr(settings, FIELDS, {})
    if not isinstance(given, Mapping):
        yield problem(57, f"{FIELDS} is no dictionary.", f'Write {FIELDS} = {{"name": "…"}}.')
        return
    yield from _check_keys(given, OF_TENANTS, FIELDS)
    yield from _check_fields(model, given, ("slug", "name"), FIELDS)
    yield from _check_conditions(model, given, FIELDS)
    slug = _field(model, given.get("slug"))
    if slug is not None and not _is_slug(slug):
        yield problem(
            51,
            f"{model._meta.label}.{slug.name} is no slug of a tenant: it may be empty or shared, or"
            f" be longer than {SLUG} characters.",
            f'Name a unique SlugField, or leave "slug" out of {FIELDS}: the key is the slug then.',
        )


def _check_members(given: Any) -> Iterator[checks.CheckMessage]:
    """Check the model of members, and its fields."""
    if not isinstance(given, Mapping):
        line = '{"model": "app.Model", "tenant": "…", "user": "…"}'
        yield problem(52, f"{MEMBERS} is no dictionary.", f"Write {MEMBERS} = {line}.")
        return
    yield from _check_keys(given, OF_MEMBERS, MEMBERS)
    for name in NEEDED:
        if name not in given:
            yield problem(52, f"{MEMBERS} does not say {name!r}.", f'Add "{name}": "…".')
            return
    model = _model(given["model"])
    if model is None:
        reason = f"{MEMBERS} names {given['model']!r}, which is no model."
        yield problem(52, reason, 'Write "model": "app.Model".')
        return
    yield from _check_model(model, MEMBERS)
    yield from _check_fields(model, given, ("tenant", "user", "role"), MEMBERS)
    yield from _check_conditions(model, given, MEMBERS)
    for name, target in (("tenant", hosted.tenant_model()), ("user", users.User)):
        field = _field(model, given[name])
        if field is not None and not _leads(field, target, model):
            yield problem(
                53,
                f"{model._meta.label}.{field.name} does not name rows of {target._meta.label} by"
                " their primary key.",
                f'Let "{name}" in {MEMBERS} name a foreign key to it.',
            )
    yield from _check_roles(model, given)


def _check_roles(model: Any, given: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    """Check that each value of the role means one of ours."""
    if ("role" in given) != ("roles" in given):
        reason = f"{MEMBERS} has one of 'role' and 'roles' without the other."
        yield problem(54, reason, "Name the field, and what its values mean, or neither.")
        return
    roles: Mapping[Any, Any] = given.get("roles", {})
    if "roles" in given and not (isinstance(roles, Mapping) and roles):
        line = f'Write "roles": {{value: "{Role.MEMBER.value}"}}.'
        yield problem(54, f"'roles' of {MEMBERS} gives no role to any value.", line)
        return
    for value, role in roles.items():
        if role not in Role.values:
            known = ", ".join(map(repr, Role.values))
            reason = f"{MEMBERS} gives {value!r} the role {role!r}, which is none."
            yield problem(54, reason, f"Use {known}.")
    field = _field(model, given.get("role"))
    if field is None:
        return
    yield from _check_values(model, field, roles, f"'roles' of {MEMBERS}")
    choices = [value for value, _ in field.flatchoices or ()]
    if missing := [value for value in choices if value not in roles]:
        yield checks.Warning(
            f"{model._meta.label}.{field.name} may be {missing[0]!r}, for which 'roles' of"
            f" {MEMBERS} has nothing: such a row makes nobody a member.",
            hint=f'Add {missing[0]!r}: "{Role.MEMBER.value}", if it should.',
            id="earshot.W055",
        )


def _check_model(model: Any, setting: str) -> Iterator[checks.CheckMessage]:
    """Check that triggers can be on the model's table."""
    meta, wrong = model._meta, ""
    if meta.abstract or meta.proxy or meta.swapped:
        wrong = "it has no table of its own"
    elif reason := why_not_named(model):
        wrong = f"its table {reason}"
    if wrong:
        reason = f"{setting} names {meta.label}, which cannot be followed: {wrong}."
        yield problem(56, reason, "Name the model that has the rows.")


def _check_keys(
    given: Mapping[str, Any], known: Iterable[str], setting: str
) -> Iterator[checks.CheckMessage]:
    for name in given:
        if name not in known:
            reason = f"{setting} has the unknown key {name!r}."
            yield problem(57, reason, f"Use {', '.join(map(repr, known))}.")


def _check_fields(
    model: Any, given: Mapping[str, Any], names: Iterable[str], setting: str
) -> Iterator[checks.CheckMessage]:
    """Check that each is a column of the model's own table."""
    for name in names:
        if name in given and _field(model, given[name]) is None:
            yield _no_column(model, given[name], f"{name!r} of {setting}")


def _check_conditions(
    model: Any, given: Mapping[str, Any], setting: str
) -> Iterator[checks.CheckMessage]:
    conditions = given.get("active_while", {})
    if not isinstance(conditions, Mapping):
        reason = f"'active_while' of {setting} is no dictionary."
        yield problem(57, reason, 'Write "active_while": {"field": value}.')
        return
    for name, value in conditions.items():
        field, where = _field(model, name), f"'active_while' of {setting}"
        if field is None:
            yield _no_column(model, name, where)
        else:
            yield from _check_values(model, field, [value], where)


def _check_values(
    model: Any, field: Any, values: Iterable[Any], where: str
) -> Iterator[checks.CheckMessage]:
    """Check that a column can be compared with these values."""
    for value in values:
        if value is None or _is_comparable(field, value):
            continue
        yield problem(
            58,
            f"{model._meta.label}.{field.name} cannot be compared with {value!r}, as {where} says.",
            "Use values as the column has them: numbers, texts, UUIDs, True and False, or None.",
        )


def _is_comparable(field: Any, value: Any) -> bool:
    target = target_of(field)
    if isinstance(target, models.BooleanField) or isinstance(value, bool):
        return isinstance(target, models.BooleanField) and isinstance(value, bool)
    try:
        kind_of_field(target, field.model)
    except UnknownKind:
        return False
    try:
        return bool(target.to_python(value) == value)
    except Exception:  # whatever a field of the project's raises
        return False


def _is_key(model: Any) -> bool:
    try:
        kind = kind_of(model)
    except UnknownKind:
        return False
    field = field_of(model)
    return kind != TEXT or 0 < (field.max_length or 0) <= SLUG


def _is_slug(field: Any) -> bool:
    is_text = isinstance(field, models.CharField) and 0 < (field.max_length or 0) <= SLUG
    return is_text and field.unique and not field.null


def _leads(field: Any, target: Any, model: Any) -> bool:
    """Return whether a column has keys of the target's, or is its own key."""
    if field.primary_key and target is model:
        return True
    if not field.remote_field or not field.target_field.primary_key:
        return False
    return bool(field.related_model._meta.concrete_model is target._meta.concrete_model)


def _field(model: Any, name: Any) -> Any:
    """Return the column of the model's own table; None if there is none of this name."""
    fields = {field.name: field for field in model._meta.local_concrete_fields}
    return fields.get(name) if isinstance(name, str) else None


def _model(label: Any) -> Any:
    """Return the model that a setting names; None if there is none."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError, TypeError, AttributeError):  # it may be no text
        return None


def _no_column(model: Any, name: Any, where: str) -> checks.Error:
    own = ", ".join(field.name for field in model._meta.local_concrete_fields)
    reason = f"{model._meta.label} has no column {name!r} in its own table, as {where} says."
    return problem(51, reason, f"Use one of {own}.")

"""The catalogue: what each audience of each model is shown, read from the declarations alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db.models.signals import post_init
from rest_framework import serializers

from permissions.audiences import Audience, Resource, as_is, registry
from permissions.review.digests import digest
from permissions.review.entries import (
    COLUMN,
    METHOD,
    OTHER_ROW,
    Catalogue,
    Entry,
    Field,
    Place,
    Shown,
    Source,
    Type,
)
from permissions.review.naming import INSTALLED, is_ours
from permissions.review.plain import plain
from permissions.review.sensitivity import label
from permissions.rows import listed
from permissions.serializers import AudienceSerializer
from tenants.opaque import OpaqueIdField

KINDS: Final = (
    (OpaqueIdField, "id"),
    (serializers.EmailField, "e-mail"),
    (serializers.UUIDField, "UUID"),
    (serializers.MultipleChoiceField, "list of choices"),
    (serializers.ChoiceField, "choice"),
    (serializers.BooleanField, "boolean"),
    (serializers.CharField, "text"),
    (serializers.IntegerField, "integer"),
    (serializers.FloatField, "number"),
    (serializers.DateTimeField, "moment"),
    (serializers.DateField, "date"),
    (serializers.TimeField, "time"),
    (serializers.DurationField, "duration"),
    (serializers.JSONField, "JSON"),
    (serializers.ListField, "list"),
    (serializers.DictField, "object"),
)


HOOKS: Final = frozenset(
    {"__init__", "__getattr__", "__getattribute__", "from_db", "refresh_from_db"}
)
"""Methods of a model that every row passes through."""


def catalogue(resources: Iterable[Resource] = registry) -> Catalogue:
    """Return the entries of these resources, by label; queries no database."""
    return {resource.label: entry(resource) for resource in sorted(resources, key=_by_label)}


def _by_label(resource: Resource) -> str:
    return resource.label


def entry(resource: Resource) -> Entry:
    """Return what is declared of one model."""
    return Entry(
        audiences={a.name: _shown(resource, a) for a in resource.audiences},
        holders={**resource.holders, **_rows(resource)},
        roles=dict(resource.roles),
        visible_by={name: repr(value) for name, value in resource.visible_by.items()},
        never={name: tuple(audiences) for name, audiences in resource.never.items()},
        never_label={name: tuple(audiences) for name, audiences in resource.never_label.items()},
        code=dict(sorted(_code(resource))),
    )


def _rows(resource: Resource) -> dict[str, str]:
    """Return who holds which audience by rows of the project's own: as `holders`, in words."""
    held = {}
    for each in listed(resource):
        for level, name in each.rows.audiences.items():
            which = f", {each.rows.level} {level!r}" if each.rows.level else ""
            held[f"{each.rows.user} of {each.rows.model}{which}"] = name
    return held


def _shown(resource: Resource, audience: Audience) -> Shown:
    fields = audience.serializer().fields.items()
    return Shown(
        permission=audience.permission,
        deletes=audience.deletes,
        grants=audience.grants,
        fields={
            name: Field(
                type=_type(resource, bound),
                source=_source(resource, name, bound),
                nullable=_is_nullable(resource, name, bound),
                writable=name in audience.writes,
                sensitivity=label(audience.serializer, name),
            )
            for name, bound in fields
            if not bound.write_only
        },
        where=place(audience.serializer),
    )


def place(code: Any) -> Place | None:
    """Return where a class is declared, if that is in the project's own folder.

    Installed code has no place, even if the virtual environment is in that folder.
    """
    root = Path(getattr(settings, "BASE_DIR", Path.cwd())).resolve()
    try:
        file = Path(str(inspect.getsourcefile(code))).resolve()
        line = inspect.getsourcelines(code)[1]
        found = Place(file.relative_to(root).as_posix(), line)
    except (OSError, TypeError, ValueError):
        return None
    return None if any(file.is_relative_to(installed) for installed in INSTALLED) else found


def column(resource: Resource, bound: Any) -> Any:
    """Return the column that a payload field shows unchanged, or None."""
    own = {f.name: f for f in resource.model._meta.concrete_fields}
    own |= {f.attname: f for f in own.values()} | {"pk": resource.model._meta.pk}
    return own.get(str(bound.source))


def _type(resource: Resource, bound: Any) -> Type:
    found = column(resource, bound)
    kind = next((kind for base, kind in KINDS if isinstance(bound, base)), None)
    if isinstance(bound, serializers.DecimalField):
        return Type(f"decimal with {bound.decimal_places} places", bound.max_digits)
    if is_ours(type(bound)) or kind is None:
        return Type(type(bound).__name__)
    if isinstance(bound, serializers.ChoiceField):
        return Type(kind, choices=tuple(map(str, bound.choices)))
    if isinstance(bound, OpaqueIdField):
        return Type(kind)
    return Type(kind, getattr(bound, "max_length", None) or getattr(found, "max_length", None))


def _source(resource: Resource, name: str, bound: Any) -> Source:
    show = next((s for s in resource.shows if s.field == name), None)
    own = None if isinstance(bound, serializers.RelatedField) else column(resource, bound)
    if show is not None:
        label = show.model._meta.label_lower
        of, by = tuple(f"{label}.{field}" for field in show.fields), show.by
    else:
        of, by = (_spelled(bound) if own is None else _stored(own),), ()
    if code := tuple(name for name, _ in _code_of_field(resource, bound)):
        return Source(METHOD, of, by, code)
    return Source(COLUMN if show is None and own is not None else OTHER_ROW, of, by)


def _stored(own: Any) -> str:
    """Return a column's name, and under which other one the database has it."""
    usual = own.get_attname_column()[0] if own.remote_field else own.name
    return own.name if own.column == usual else f"{own.name}, stored as {own.column}"


def _is_nullable(resource: Resource, name: str, bound: Any) -> bool:
    own = column(resource, bound)
    return bool(getattr(bound, "allow_null", False)) if own is None else own.null


def _spelled(bound: Any) -> str:
    """Return the path of what a field shows, as far as its declaration says it."""
    if isinstance(bound, serializers.SerializerMethodField):
        return str(bound.method_name)
    if isinstance(bound, serializers.SlugRelatedField):
        return f"{bound.source}.{bound.slug_field}"
    return str(bound.source)


def _methods(resource: Resource, bound: Any) -> Iterator[tuple[str, Any]]:
    """Yield the model's properties and methods along the path that the field's source names."""
    model: Any = resource.model
    for step in str(bound.source).split("."):
        try:
            related = model._meta.pk if step == "pk" else model._meta.get_field(step)
        except FieldDoesNotExist:
            own = inspect.getattr_static(model, step, None)
            if own is not None and not hasattr(own, "field"):
                yield f"{model.__name__}.{step}", own
            return
        model = related.related_model
        if model is None:
            return
    shown = getattr(bound, "child_relation", bound)
    if isinstance(shown, serializers.StringRelatedField) and is_ours(model.__str__):
        yield f"{model.__name__}.__str__", model.__str__


def _code(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield all code that decides what is shown and is no declaration, with its digest."""
    if resource.prepare is not as_is:
        yield "prepare", digest(resource.prepare)
    for show in resource.shows:
        yield f"find of {show.field}", digest(show.find)
    managers: tuple[Any, ...] = (resource.model.objects, resource.model._base_manager)
    for manager in managers:
        for base in _own_classes(type(manager)) + _own_classes(manager._queryset_class):
            yield f"manager {base.__name__}", digest(base)
    yield from _code_of_rows(resource.model)
    for audience in resource.audiences:
        yield from _code_of_serializer(resource, audience.serializer)
        for bound in audience.serializer().fields.values():
            for name, code in _code_of_field(resource, bound):
                yield name, digest(code, type(bound.parent), resource.model)


def _code_of_rows(model: Any) -> Iterator[tuple[str, str]]:
    """Yield what every row of the model passes through when it is loaded."""
    for base in _own_classes(model):
        for name in HOOKS & vars(base).keys():
            if is_ours(getattr(base, name)):  # and no framework's around it
                yield f"{base.__name__}.{name}", digest(vars(base)[name], model)
    for receivers in post_init._live_receivers(model):
        for each in filter(is_ours, receivers):
            yield f"post_init {each.__name__}", digest(each, model)


def _code_of_field(resource: Resource, bound: Any) -> Iterator[tuple[str, Any]]:
    """Yield the code that a field runs, and, as texts, what its declaration tells that code."""
    yield from _methods(resource, bound)
    yield from _code_of(bound)
    own: Any = column(resource, bound)
    for base in _own_classes(type(own)):
        yield base.__name__, base
    if getattr(own, "generated", False):
        yield f"expression of {own.name}", f"{plain(own.expression)}"


def _code_of(bound: Any) -> Iterator[tuple[str, Any]]:
    """Yield what the field's own class runs, and the fields within it."""
    if isinstance(bound, serializers.SerializerMethodField):
        owner = type(bound.parent)
        name = f"{owner.__name__}.{bound.method_name}"
        yield name, inspect.getattr_static(owner, str(bound.method_name))
    own = _own_classes(type(bound))
    for base in own:
        yield base.__name__, base
    if own and not isinstance(bound, serializers.BaseSerializer):
        args = plain((bound._args, bound._kwargs))
        yield f"{own[0].__name__} of {bound.field_name}", f"{args}"
    for inner in (getattr(bound, "child", None), getattr(bound, "child_relation", None)):
        if inner is not None:
            yield from _code_of(inner)
    if isinstance(bound, serializers.Serializer):
        shown = {name: (str(f.source), type(f)) for name, f in bound.fields.items()}
        yield f"fields of {type(bound).__name__}", f"{plain(shown)}"
        for inner in bound.fields.values():
            yield from _code_of(inner)


def _code_of_serializer(
    resource: Resource, serializer: type[AudienceSerializer]
) -> Iterator[tuple[str, str]]:
    for base in _own_classes(type(serializer)):
        yield base.__name__, digest(base)
    for base in _own_classes(serializer):
        for name, value in vars(base).items():
            text = None if name.startswith("_") else plain(value)
            if name == "Meta":
                continue
            if text is not None or _is_code(value):
                code = value if text is None else text
                yield f"{base.__name__}.{name}", digest(code, serializer, resource.model)


def _own_classes(code: type) -> list[type]:
    """Return the class and its bases, except those of frameworks and of this app."""
    return [c for c in code.__mro__ if is_ours(c)]


def _is_code(value: Any) -> bool:
    wrapped = isinstance(value, staticmethod | classmethod | property)
    return wrapped or inspect.isfunction(value) or hasattr(value, "func")

"""The catalogue: what each audience of each model is shown, read from the declarations alone."""

from __future__ import annotations

import inspect
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from rest_framework import serializers

import permissions
import tenants
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
from permissions.review.sensitivity import label
from permissions.serializers import AudienceSerializer
from tenants.opaque import OpaqueIdField

INSTALLED: Final = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib"))

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
FRAMEWORKS: Final = ("rest_framework.", f"{tenants.__name__}.", f"{permissions.__name__}.")
"""Field classes of these packages show what they are given; others are code to be locked."""


def catalogue(resources: Iterable[Resource] = registry) -> Catalogue:
    """Return the entries of these resources, by label; queries no database."""
    return {resource.label: entry(resource) for resource in sorted(resources, key=_by_label)}


def _by_label(resource: Resource) -> str:
    return resource.label


def entry(resource: Resource) -> Entry:
    """Return what is declared of one model."""
    return Entry(
        audiences={a.name: _shown(resource, a) for a in resource.audiences},
        holders=dict(resource.holders),
        roles=dict(resource.roles),
        visible_by={name: repr(value) for name, value in resource.visible_by.items()},
        never={name: tuple(audiences) for name, audiences in resource.never.items()},
        never_label={name: tuple(audiences) for name, audiences in resource.never_label.items()},
        code=dict(sorted(_code(resource))),
    )


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
    if not _is_of_framework(type(bound)) or kind is None:
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
        of, by = (str(bound.source) if own is None else own.name,), ()
    if code := tuple(name for name, _ in _code_of_field(resource, bound)):
        return Source(METHOD, of, by, code)
    return Source(COLUMN if show is None and own is not None else OTHER_ROW, of, by)


def _is_nullable(resource: Resource, name: str, bound: Any) -> bool:
    own = column(resource, bound)
    return bool(getattr(bound, "allow_null", False)) if own is None else own.null


def _is_of_framework(code: type) -> bool:
    return code.__module__.startswith(FRAMEWORKS)


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


def _code(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield all code that decides what is shown and is no declaration, with its digest."""
    if resource.prepare is not as_is:
        yield "prepare", digest(resource.prepare)
    for show in resource.shows:
        yield f"find of {show.field}", digest(show.find)
    for audience in resource.audiences:
        yield from _code_of_serializer(audience.serializer)
        for bound in audience.serializer().fields.values():
            for name, code in _code_of_field(resource, bound):
                yield name, digest(code)


def _code_of_field(resource: Resource, bound: Any) -> Iterator[tuple[str, Any]]:
    yield from _methods(resource, bound)
    for base in _own_classes(type(bound), serializers.Field):
        yield base.__name__, base


def _code_of_serializer(serializer: type[AudienceSerializer]) -> Iterator[tuple[str, str]]:
    for base in _own_classes(serializer, AudienceSerializer):
        for name, value in vars(base).items():
            if name != "Meta" and _is_code(value):
                yield f"{base.__name__}.{name}", digest(value)


def _own_classes(code: type, root: type) -> list[type]:
    """Return the class and its bases, except those of the frameworks and of this app."""
    return [c for c in code.__mro__ if issubclass(c, root) and not _is_of_framework(c)]


def _is_code(value: Any) -> bool:
    wrapped = isinstance(value, staticmethod | classmethod | property)
    return wrapped or inspect.isfunction(value) or hasattr(value, "func")

"""The code that decides what a model's audiences are shown and that no declaration describes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models.signals import post_init
from rest_framework import serializers

from permissions.audiences import Resource, as_is
from permissions.review.digests import digest, functions
from permissions.review.naming import codes, is_ours
from permissions.review.plain import plain
from permissions.serializers import AudienceSerializer

HOOKS: Final = frozenset(
    {"__init__", "__getattr__", "__getattribute__", "from_db", "refresh_from_db"}
)
"""Methods of a model that every row passes through."""

SAID: Final = frozenset(
    {
        "coerce_to_string", "default", "default_timezone", "encoder", "localize", "lookup_field",
        "normalize_output", "pk_field", "rounding", "use_url", "view_name",
    }
)  # fmt: skip
"""Arguments of a framework's field that change what it shows, and that no part of its type says."""


def column(resource: Resource, bound: Any) -> Any:
    """Return the column that a payload field shows unchanged, or None."""
    own = {f.name: f for f in resource.model._meta.concrete_fields}
    own |= {f.attname: f for f in own.values()} | {"pk": resource.model._meta.pk}
    return own.get(str(bound.source))


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


def code_of(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield all code that decides what is shown and is no declaration, with its digest."""
    yield from _code_declared(resource)
    yield from _code_of_managers(resource.model)
    yield from _code_of_rows(resource.model)
    for audience in resource.audiences:
        yield from _code_of_serializer(resource, audience.serializer)
        for bound in audience.serializer().fields.values():
            for name, code in code_of_field(resource, bound):
                yield name, digest(code, type(bound.parent), resource.model, *_own_models())


def _code_declared(resource: Resource) -> Iterator[tuple[str, str]]:
    if resource.prepare is not as_is:
        yield "prepare", digest(resource.prepare)
    for show in resource.shows:
        yield f"find of {show.field}", digest(show.find)
    for source in resource.sources:
        for base in _own_classes(type(source)):
            yield f"grants by {base.__name__}", digest(source)


def _code_of_managers(model: Any) -> Iterator[tuple[str, str]]:
    for manager in (model.objects, model._base_manager):
        for base in _own_classes(type(manager)) + _own_classes(manager._queryset_class):
            yield f"manager {base.__name__}", digest(base)


def _code_of_rows(model: Any) -> Iterator[tuple[str, str]]:
    """Yield what every row of the model passes through when it is loaded."""
    for base in _own_classes(model):
        for name in HOOKS & vars(base).keys():
            if is_ours(getattr(base, name)):  # and no framework's around it
                yield f"{base.__name__}.{name}", digest(vars(base)[name], model)
    for receivers in post_init._live_receivers(model):
        for each in filter(is_ours, receivers):
            yield f"post_init {each.__name__}", digest(each, model)


def code_of_field(resource: Resource, bound: Any) -> Iterator[tuple[str, Any]]:
    """Yield the code that a field runs, and, as texts, what its declaration tells that code."""
    yield from _methods(resource, bound)
    yield from _code_of(bound)
    own: Any = column(resource, bound)
    for base in _own_classes(type(own)):
        yield base.__name__, base
        yield f"{base.__name__} of {own.name}", _read_by(base, own)
    if getattr(own, "generated", False):
        yield f"expression of {own.name}", f"{plain(own.expression)}"


def _read_by(base: type, own: Any) -> str:
    """Return the plain values of a column's attributes that its class's methods name."""
    names = {n for f in functions(base) for code in codes(f.__code__) for n in code.co_names}
    held = {name: plain(value) for name, value in sorted(vars(own).items()) if name in names}
    return f"{plain({name: text for name, text in held.items() if text is not None})}"


def _own_models() -> list[type]:
    """Return the project's models: a row of any may be what a method is given."""
    return [model for model in apps.get_models() if is_ours(model)]


def _code_of(bound: Any) -> Iterator[tuple[str, Any]]:
    """Yield what the field's own class runs, and the fields within it."""
    if isinstance(bound, serializers.SerializerMethodField):
        owner = type(bound.parent)
        name = f"{owner.__name__}.{bound.method_name}"
        yield name, inspect.getattr_static(owner, str(bound.method_name))
    yield from _code_of_class(bound)
    for inner in (getattr(bound, "child", None), getattr(bound, "child_relation", None)):
        if inner is not None:
            yield from _code_of(inner)
    if isinstance(bound, serializers.Serializer):
        shown = {name: (str(f.source), type(f)) for name, f in bound.fields.items()}
        yield f"fields of {type(bound).__name__}", f"{plain(shown)}"
        for inner in bound.fields.values():
            yield from _code_of(inner)


def _code_of_class(bound: Any) -> Iterator[tuple[str, Any]]:
    """Yield the field's own class, and what it or a framework's class is told."""
    own = _own_classes(type(bound))
    for base in own:
        yield base.__name__, base
    if own and not isinstance(bound, serializers.BaseSerializer):
        yield f"{own[0].__name__} of {bound.field_name}", _told(bound, bound._args, bound._kwargs)
    elif said := {name: value for name, value in bound._kwargs.items() if name in SAID}:
        yield f"arguments of {bound.field_name}", _told(bound, (), said)


def _told(bound: Any, args: Any, kwargs: Any) -> partial[Any]:
    """Return what a field is told, in a form whose digest covers the code in it."""
    made: Any = type(bound)
    return partial(made, *args, **kwargs)


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
                owners = serializer, resource.model, *_own_models()
                yield f"{base.__name__}.{name}", digest(code, *owners)


def _own_classes(code: type) -> list[type]:
    """Return the class and its bases, except those of frameworks and of this app."""
    return [c for c in code.__mro__ if is_ours(c)]


def _is_code(value: Any) -> bool:
    wrapped = isinstance(value, staticmethod | classmethod | property)
    return wrapped or inspect.isfunction(value) or hasattr(value, "func")

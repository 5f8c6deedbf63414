"""Digests of code that a declaration names, so that an edit of it is noticed.

A digest covers the text of a function, of what wraps it, and of what of the project's own it names
(`permissions.review.naming`): functions, classes and their objects with what these hold, and the
plain values of modules, of classes and of the settings. It covers nothing that is installed, such
as a framework.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import models
from rest_framework import serializers

from permissions.review.naming import gotten, is_ours, named
from permissions.review.plain import GETTERS, plain

LENGTH: Final = 16
CONTAINERS: Final = (list, tuple, set, frozenset)
DECLARED: Final = (models.Model, BaseException)
"""Classes that a function may name without a part of what they do being a part of what it does."""

NO_OBJECTS: Final = (*DECLARED, serializers.Field, models.Field, models.Manager, Enum)
"""Classes whose objects are declarations, or change with every start."""


def digest(code: Any, *owners: type) -> str:
    """Return the digest of a function, a property, a class, any other callable, or a text.

    What it names of its objects is looked up in `owners`, the classes that these may have.
    """
    texts = "\n".join(sorted(set(_texts(code, owners, set()))))
    return hashlib.sha256(texts.encode()).hexdigest()[:LENGTH]


def _function(code: Any) -> Any:
    """Return the function behind a property or a method."""
    while True:
        if isinstance(code, property):
            code = code.fget
        elif isinstance(code, functools.cached_property):
            code = code.func
        elif isinstance(code, staticmethod | classmethod):
            code = code.__func__
        else:
            return code


def _texts(code: Any, owners: tuple[type, ...], seen: set[int]) -> Iterator[str]:
    code = _function(code)
    if inspect.ismethod(code):
        bound, code = code.__self__, code.__func__
        yield from _of_value("self", bound, owners, seen)
        owners = (*owners, bound if inspect.isclass(bound) else type(bound))
    if id(code) in seen:
        return
    seen.add(id(code))
    if isinstance(code, str):
        yield code
    elif isinstance(code, functools.partial):
        yield from _of_value("partial", [code.func, code.args, code.keywords], owners, seen)
    else:
        yield from _of_callable(code, owners, seen)


def _of_callable(code: Any, owners: tuple[type, ...], seen: set[int]) -> Iterator[str]:
    wrapped = getattr(code, "__wrapped__", None)
    if wrapped is not None:
        yield from _texts(wrapped, owners, seen)
        for each in _code_in(getattr(code, "registry", {})):  # of singledispatch
            yield from _texts(each, owners, seen)
    if wrapped is None or is_ours(code):
        yield from _own_texts(code, owners, seen)


def _own_texts(code: Any, owners: tuple[type, ...], seen: set[int]) -> Iterator[str]:
    if not (inspect.isroutine(code) or inspect.isclass(code)):
        yield from _of_object(code, owners, seen)
        code = type(code)  # its class's method is what is called
    yield _source(code)
    mine = (*owners, code) if inspect.isclass(code) else owners
    for name, value in _beside(code):
        yield from _of_value(name, value, mine, seen)
    for function in functions(code):
        for name, value in named(function, mine):
            yield from _of_value(name, value, mine, seen)


def _of_object(code: Any, owners: tuple[type, ...], seen: set[int]) -> Iterator[str]:
    for name, value in _held(code).items():
        yield from _of_value(f"{type(code).__name__}.{name}", value, owners, seen)
    if isinstance(code, GETTERS):
        yield f"{plain(code)}"
        for name, value in gotten(code, owners):
            yield from _of_value(name, value, owners, seen)


def _beside(code: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a class has besides functions: values, and what it inherits."""
    if inspect.isclass(code):
        yield from ((name, each) for name, each in vars(code).items() if not name.startswith("__"))
        yield "bases", list(code.__mro__[1:])


def _of_value(name: str, value: Any, owners: tuple[type, ...], seen: set[int]) -> Iterator[str]:
    """Yield the texts of what a name stands for: a plain value, and the code in it."""
    if (text := plain(value)) is not None:
        yield f"{name} = {text}"
    for each in _code_in(value):
        yield from _texts(each, owners, seen)


def _code_in(value: Any) -> Iterator[Any]:
    """Yield the project's own code and objects that a value is or contains."""
    if _is_code(value) or _is_object(value):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _code_in(pair)
    elif isinstance(value, CONTAINERS):
        for each in value:
            yield from _code_in(each)


def _is_object(value: Any) -> bool:
    """Return whether it is an object of the project's own class, and no declaration."""
    kind = type(value)
    return not inspect.isclass(value) and is_ours(kind) and not issubclass(kind, NO_OBJECTS)


def _held(value: Any) -> dict[str, Any]:
    """Return what an object holds, by the names of its attributes."""
    slots = (name for base in type(value).__mro__ for name in vars(base).get("__slots__", ()))
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return {**found, **getattr(value, "__dict__", {})}


def _is_code(value: Any) -> bool:
    """Return whether it is the project's own code, and no declaration."""
    value = _function(value)
    if isinstance(value, functools.partial) or hasattr(value, "__wrapped__"):
        return True
    if inspect.isclass(value):
        return is_ours(value) and not issubclass(value, DECLARED)
    return (inspect.isfunction(value) or inspect.ismethod(value)) and is_ours(value)


def _source(code: Any) -> str:
    if inspect.isfunction(code) or inspect.isclass(code):
        if code not in _sources:
            _sources[code] = _read_source(code)
        return _sources[code]
    return _read_source(code)


_sources: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""The texts of functions and classes: to find a class's, `inspect` parses its whole file."""


def _read_source(code: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(getattr(code, "__code__", code)))
    except (OSError, TypeError):  # not written in Python, or generated
        return f"{code.__module__}.{code.__qualname__}"


def functions(code: Any) -> list[Any]:
    """Return the functions of a class, or the function itself."""
    if not inspect.isclass(code):
        return [code] if inspect.isfunction(code) else []
    return [f for value in vars(code).values() if inspect.isfunction(f := _function(value))]

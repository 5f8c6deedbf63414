"""Digests of code that a declaration names, so that an edit of it is noticed.

A digest covers the text of a function, of what wraps it, and of what of the project's own it names:
functions, classes, attributes of its object, and the plain values of modules, of classes and of the
settings. It covers nothing that is installed, such as a framework.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import sysconfig
import textwrap
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final
from uuid import UUID

from django.conf import LazySettings
from django.db import models
from django.views.debug import SafeExceptionReporterFilter
from rest_framework import serializers

import permissions
import tenants

LENGTH: Final = 16
SCALARS: Final = (
    str, int, float, complex, bool, bytes, type(None), Decimal, date, time, timedelta, UUID, range,
)  # fmt: skip
LISTS: Final = (list, tuple)
SETS: Final = (set, frozenset)
INSTALLED: Final = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib"))
HERE: Final = permissions.__name__.removesuffix("permissions")
FRAMEWORKS: Final = (
    "django.", "guardian.", "rest_framework.", f"{tenants.__name__}.", f"{permissions.__name__}.",
    f"{HERE}realtime.",
)  # fmt: skip
"""Code of these packages shows what it is given; other code is to be locked."""

DECLARED: Final = (models.Model, serializers.BaseSerializer, BaseException)
"""Classes that a function may name without a part of what they do being a part of what it does."""

SECRET: Final = SafeExceptionReporterFilter.hidden_settings


def digest(code: Any, *owners: type) -> str:
    """Return the digest of a function, a property, a class, any other callable, or a text.

    What it names of its objects is looked up in `owners`, the classes that these may have.
    """
    texts = "\n".join(sorted(set(_texts(code, owners, set()))))
    return hashlib.sha256(texts.encode()).hexdigest()[:LENGTH]


def is_ours(code: Any) -> bool:
    """Return whether a function or a class belongs to the project, and not to what it builds on."""
    module = getattr(code, "__module__", None) or ""
    return not f"{module}.".startswith(FRAMEWORKS) and _is_in_project(code)


def _is_in_project(code: Any) -> bool:
    try:
        file = inspect.getsourcefile(getattr(code, "__code__", code))
    except TypeError:  # not written in Python
        return False
    return file is not None and not _is_installed(file)


@cache
def _is_installed(file: str) -> bool:
    return any(Path(file).resolve().is_relative_to(folder) for folder in INSTALLED)


def plain(value: Any) -> str | None:
    """Return a value's text, the same in every process; None for what is no plain value."""
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}={plain(value.value)}"
    if isinstance(value, SCALARS):
        return repr(value)
    if isinstance(value, re.Pattern):
        return f"pattern {value.pattern!r} {value.flags}"
    if isinstance(value, LISTS):
        return f"[{', '.join(map(_part, value))}]"
    if isinstance(value, SETS):
        return f"{{{', '.join(sorted(map(_part, value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_part(k)}: {_part(v)}' for k, v in value.items())}}}"
    return None


def _part(value: Any) -> str:
    """Return the text of a part of a value: of code the name, of other things the type's."""
    named = value if inspect.isroutine(value) or inspect.isclass(value) else type(value)
    text = plain(value)
    return f"{named.__module__}.{named.__qualname__}" if text is None else text


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
    if id(code) in seen:
        return
    seen.add(id(code))
    if isinstance(code, str):
        yield code
    elif isinstance(code, functools.partial):
        yield f"partial {plain(code.args)} {plain(code.keywords)}"
        for each in (code.func, *filter(_is_code, (*code.args, *code.keywords.values()))):
            yield from _texts(each, owners, seen)
    elif (wrapped := getattr(code, "__wrapped__", None)) is None:
        yield from _own_texts(code, owners, seen)
    else:
        yield from _texts(wrapped, owners, seen)
        if is_ours(code):
            yield from _own_texts(code, owners, seen)


def _own_texts(code: Any, owners: tuple[type, ...], seen: set[int]) -> Iterator[str]:
    if not (inspect.isroutine(code) or inspect.isclass(code)):
        code = type(code)  # its class's method is what is called
    yield _source(code)
    mine = (*owners, code) if inspect.isclass(code) else owners
    for function in _functions(code):
        for name, value in _named(function, mine):
            if (text := plain(value)) is not None:
                yield f"{name} = {text}"
            elif _is_code(value):
                yield from _texts(value, mine, seen)


def _is_code(value: Any) -> bool:
    """Return whether it is the project's own code, and no declaration."""
    value = _function(value)
    if isinstance(value, functools.partial) or hasattr(value, "__wrapped__"):
        return True
    if inspect.isclass(value):
        return is_ours(value) and not issubclass(value, DECLARED)
    return inspect.isfunction(value) and is_ours(value)


def _source(code: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(getattr(code, "__code__", code)))
    except (OSError, TypeError):  # not written in Python, or generated
        return f"{code.__module__}.{code.__qualname__}"


def _functions(code: Any) -> list[Any]:
    if not inspect.isclass(code):
        return [code] if inspect.isfunction(code) else []
    return [f for value in vars(code).values() if inspect.isfunction(f := _function(value))]


def _named(function: Any, owners: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield what the function, and those nested in it, name: of their scopes, of their module, of
    modules and settings that this names, and of the owners."""
    yield from inspect.getclosurevars(_unwrapped(function)).nonlocals.items()
    yield from _defaults(function)
    names = sorted(_names(function.__code__))
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, LazySettings):
            yield from _of_settings(value, names)
        elif isinstance(value, ModuleType):
            yield from _of_module(value, names)
        elif name in function.__globals__:
            yield name, value
        for owner in owners:
            yield from _of_owner(owner, name)


def _unwrapped(function: Any) -> Any:
    """Return the function itself in a form by which `inspect` does not find what it wraps."""
    return type(function)(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


def _defaults(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the defaults of a function's parameters."""
    for number, value in enumerate(function.__defaults__ or ()):
        yield f"default {number}", value
    for name, value in (function.__kwdefaults__ or {}).items():
        yield f"default {name}", value


def _of_settings(settings: LazySettings, names: list[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name.isupper() and hasattr(settings, name) and not SECRET.search(name):
            yield f"settings.{name}", getattr(settings, name)


def _of_module(module: ModuleType, names: list[str]) -> Iterator[tuple[str, Any]]:
    if not f"{module.__name__}.".startswith(FRAMEWORKS) and _is_in_project(module):
        yield from ((name, vars(module)[name]) for name in names if name in vars(module))


def _of_owner(owner: type, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what the owner's own classes define under this name."""
    for base in owner.__mro__:
        if name in vars(base):
            if is_ours(base):
                yield f"{base.__name__}.{name}", vars(base)[name]
            return


def _names(code: CodeType) -> set[str]:
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*(_names(each) for each in inner))

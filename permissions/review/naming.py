"""What a function names: where its text alone does not say what it does."""

from __future__ import annotations

import dis
import inspect
import re
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from django.conf import LazySettings
from django.db import models
from django.db.models.manager import BaseManager
from django.views.debug import SafeExceptionReporterFilter

import permissions
import tenants

INSTALLED: Final = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib"))
HERE: Final = permissions.__name__.removesuffix("permissions")
FRAMEWORKS: Final = (
    "django.", "guardian.", "rest_framework.", f"{tenants.__name__}.", f"{permissions.__name__}.",
    f"{HERE}realtime.",
)  # fmt: skip
"""Code of these packages shows what it is given; other code is to be locked."""

IMPLICIT: Final = ("__str__", "__repr__", "__format__")
SPELLING: Final = frozenset({"str", "repr", "format", "print", "map"})

SECRET: Final = SafeExceptionReporterFilter.hidden_settings


def is_ours(code: Any) -> bool:
    """Return whether a function or a class belongs to the project, and not to what it builds on."""
    module = getattr(code, "__module__", None) or ""
    return not f"{module}.".startswith(FRAMEWORKS) and _is_in_project(code)


def _is_in_project(code: Any) -> bool:
    code = getattr(code, "__code__", code)
    try:
        file = inspect.getfile(code)
    except TypeError:  # not written in Python
        return False
    if file not in _files:
        source = inspect.getsourcefile(code)
        _files[file] = source is not None and not _is_installed(source)
    return _files[file]


_files: dict[str, bool] = {}
"""Whether what stands in a file belongs to the project: `inspect` asks the disk each time."""


def _is_installed(file: str) -> bool:
    return any(Path(file).resolve().is_relative_to(folder) for folder in INSTALLED)


def named(function: Any, owners: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield what the function, and those nested in it, name: of their scopes, of their module, of
    modules and settings that this names, of modules that they import, and of the owners."""
    yield from inspect.getclosurevars(_unwrapped(function)).nonlocals.items()
    yield from _defaults(function)
    names = _names(function.__code__)
    for name, value in _of_scope(function, names):
        yield name, value
        if inspect.isclass(value) and issubclass(value, models.Model):
            yield from _of_model(value, names)
    for name in [*names, *(IMPLICIT if _spells(function.__code__) else ())]:
        for owner in owners:
            yield from _of_owner(owner, name)


def gotten(getter: Any, owners: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield what the names in an `attrgetter` or its like stand for in the owners."""
    for name in sorted(set(re.findall(r"\w+", repr(getter)))):
        for owner in owners:
            yield from _of_owner(owner, name)


def _of_scope(function: Any, names: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield what these names stand for in the function's module, and in those that it imports."""
    for module in _imported(function):
        yield from _of_module(module, names)
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, LazySettings):
            yield from _of_settings(value, names)
        elif isinstance(value, ModuleType):
            yield from _of_module(value, names)
        elif name in function.__globals__:
            yield name, value


@cache
def _names(code: CodeType) -> list[str]:
    return sorted({name for each in codes(code) for name in each.co_names})


@cache
def _spells(function: CodeType) -> bool:
    """Return whether the function may make a text of an object: that names no method."""
    for code in codes(function):
        if not SPELLING.isdisjoint(code.co_names):
            return True
        if any(step.opname.startswith(("FORMAT", "CONVERT")) or step.argrepr == "%"
               for step in dis.get_instructions(code)):  # fmt: skip
            return True
    return False


def _of_model(model: Any, names: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield what these names stand for in a model that a function asks: managers, and methods."""
    for name in names:
        yield from _of_owner(model, name)
        found = inspect.getattr_static(model, name, None)
        manager: Any = getattr(found, "manager", found)
        if isinstance(manager, BaseManager):
            for own in _own_of_manager(manager):
                yield f"{model.__name__}.{name}", own


def _own_of_manager(manager: Any) -> Iterator[type]:
    """Yield the project's own classes of a manager and of its querysets."""
    for kind in (type(manager), manager._queryset_class):
        yield from (base for base in kind.__mro__ if is_ours(base))


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


def _of_module(
    module: ModuleType, names: list[str], above: tuple[ModuleType, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield what these names stand for in a module of the project, and in the modules in it."""
    own = not f"{module.__name__}.".startswith(FRAMEWORKS) and _is_in_project(module)
    for name in names:
        value = vars(module).get(name)
        if isinstance(value, ModuleType):
            if value not in above:
                yield from _of_module(value, names, (*above, module))
        elif own and name in vars(module):
            yield name, value


def _of_owner(owner: type, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what the owner's own classes define under this name: `super()` may ask each."""
    for base in owner.__mro__:
        if name in vars(base) and is_ours(base):
            yield f"{base.__name__}.{name}", vars(base)[name]


def _imported(function: Any) -> Iterator[ModuleType]:
    """Yield the modules that the function imports when it runs."""
    package = function.__globals__.get("__package__") or ""
    for name in _imports(function.__code__):
        with suppress(ImportError):  # then it cannot run either
            yield import_module(name, package)


@cache
def _imports(function: CodeType) -> list[str]:
    """Return the names of these modules, relative ones with their dots."""
    found = []
    for code in codes(function):
        steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
        for place, step in enumerate(steps):
            if step.opname == "IMPORT_NAME":
                found.append("." * steps[place - 2].argval + step.argval)
    return found


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function, and what is nested in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from codes(const)

"""Digests of code that a declaration names, so that an edit of it is noticed.

A digest covers the text of a function and of what it calls in the same app, and the plain values
that both name. It covers nothing that is called elsewhere, such as in a framework.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import textwrap
from collections.abc import Iterator
from types import CodeType
from typing import Any, Final

LENGTH: Final = 16
PLAIN: Final = (str, int, float, bool, bytes, tuple, frozenset, type(None))


def digest(code: Any) -> str:
    """Return the digest of a function, a property, a class or any other callable."""
    texts = "\n".join(sorted(set(_texts(_plain(code), set()))))
    return hashlib.sha256(texts.encode()).hexdigest()[:LENGTH]


def _plain(code: Any) -> Any:
    """Return the function behind it."""
    while True:
        if isinstance(code, property):
            code = code.fget
        elif isinstance(code, functools.cached_property):
            code = code.func
        elif isinstance(code, staticmethod | classmethod):
            code = code.__func__
        else:
            return inspect.unwrap(code) if callable(code) else code


def _texts(code: Any, seen: set[int]) -> Iterator[str]:
    if id(code) in seen:
        return
    seen.add(id(code))
    if isinstance(code, functools.partial):
        yield f"partial {code.args!r} {sorted(code.keywords.items())!r}"
        yield from _texts(_plain(code.func), seen)
        return
    if not (inspect.isroutine(code) or inspect.isclass(code)):
        code = type(code)  # its class's method is what is called
    yield _source(code)
    for function in _functions(code):
        for name, value in _named(function):
            if isinstance(value, PLAIN):
                yield f"{name} = {value!r}"
            elif _is_neighbour(function, value):
                yield from _texts(_plain(value), seen)


def _source(code: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(code))
    except (OSError, TypeError):  # not written in Python, or generated
        return f"{code.__module__}.{code.__qualname__}"


def _functions(code: Any) -> list[Any]:
    if not inspect.isclass(code):
        return [code] if inspect.isfunction(code) else []
    return [f for value in vars(code).values() if inspect.isfunction(f := _plain(value))]


def _named(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield what the function, and those nested in it, name of their module and their scopes."""
    around = inspect.getclosurevars(function).nonlocals
    yield from around.items()
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _names(code: CodeType) -> set[str]:
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*(_names(each) for each in inner))


def _is_neighbour(function: Any, value: Any) -> bool:
    """Return whether it is a function of the same app; models and serializers are declarations."""
    mine = function.__module__.split(".")[0]
    return inspect.isfunction(value) and value.__module__.split(".")[0] == mine

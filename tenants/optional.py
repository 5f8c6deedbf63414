"""Exceptions of packages that an installation may lack, since it has nothing that raises them."""

from __future__ import annotations

from importlib import import_module


def errors(module: str, *names: str) -> tuple[type[Exception], ...]:
    """Return the exceptions of these names; none where their package is not installed."""
    try:
        found = import_module(module)
    except ImportError:
        return ()
    return tuple(getattr(found, name) for name in names)

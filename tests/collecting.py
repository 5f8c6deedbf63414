"""What pytest does before the first test, as fast as may be: it takes as long as hundreds of tests.

Nothing of it need be measured but the import of the project's modules, and almost all of what it
makes lasts: the garbage collector would look through it again and again.
"""

from __future__ import annotations

import gc
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from tests.measuring import paused

PACKAGES = ("tenants", "permissions", "realtime", "resources", "project")
OF_THEIR_OWN = ("project.__main__", "realtime.transport.on_daphne")
"""Modules that are a program, or belong to one that is not there."""


def modules() -> Iterator[str]:
    """The names of the project's modules."""
    for package in PACKAGES:
        found = pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
        yield from (m.name for m in found if m.name not in OF_THEIR_OWN)


@contextmanager
def quickly() -> Iterator[None]:
    """Within the block, nothing is measured, and no garbage is looked for."""
    if sys.gettrace() is not None:
        for name in modules():
            import_module(name)  # a test file may be the first that does
    gc.disable()
    try:
        with paused():
            yield
    finally:
        gc.freeze()
        gc.enable()

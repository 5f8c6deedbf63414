"""Documents that are visible while they are drafts and not due: for processes that show so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from permissions.audiences import Resource

SETTINGS = "tests.whoever_settings"
"""Those of processes that have this app."""


class Hiding(AppConfig):
    """Declares them so."""

    name = "tests.hiding"

    def ready(self) -> None:
        from permissions.audiences import registry

        registry.register(declared())


def declared() -> Resource:
    from resources.audiences import DOCUMENTS

    return replace(DOCUMENTS, visible_by={"due_on": None, "status": "draft"})


@contextmanager
def hiding() -> Iterator[None]:
    """Declare them so here, and have the database know it."""
    from permissions.audiences import registry
    from realtime.capture.installing import install

    hidden = declared()
    before = registry.get(hidden.label)
    registry.register(hidden)
    try:
        install()
        yield
    finally:
        registry.register(before)
        install()

"""System checks of tenants' models: `objects` raises, and the frameworks' own managers work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import models

from tenants.scoping import TenantOwned, TenantQuerySet, UnscopedManager


def register_checks() -> None:
    """Register the checks for `manage.py check` and start-up."""
    checks.register(check_managers, "earshot")


def check_managers(**_: Any) -> list[checks.CheckMessage]:
    """Return every problem with the managers of tenant-owned models."""
    found: list[checks.CheckMessage] = []
    for model in apps.get_models():
        if issubclass(model, TenantOwned):
            found.extend(_check_own_queries(model))
            found.extend(_check_people(model))
    return found


def _check_own_queries(model: type[models.Model]) -> Iterator[checks.CheckMessage]:
    for option in ("default_manager_name", "base_manager_name"):
        manager = getattr(model, f"_{option.removesuffix('_name')}")
        if not isinstance(manager, UnscopedManager):
            yield checks.Error(
                f"Django's own queries on {model.__name__} use {manager.name!r}, "
                "which is not an UnscopedManager.",
                hint="Let its Meta inherit the base's, as in class Meta(LiveModel.Meta), "
                f"or set {option} = 'unscoped' in it.",
                obj=model,
                id="earshot.E030",
            )


def _check_people(model: type[models.Model]) -> Iterator[checks.CheckMessage]:
    for manager in model._meta.managers:
        query: Any = manager.get_queryset()
        guarded = isinstance(query, TenantQuerySet)
        if not guarded or (manager.name == "objects" and query.told):
            yield checks.Error(
                f"{model.__name__}.{manager.name} reads the rows of all tenants by default.",
                hint="Subclass the query set of the base's `objects`, "
                f"and make the manager with as_manager(): {manager.name} = Mine.as_manager().",
                obj=model,
                id="earshot.E031",
            )

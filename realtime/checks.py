"""System checks of live models: their tracker sees every field."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import DEFAULT_DB_ALIAS
from model_utils import FieldTracker

from permissions.adoption_checks import check_declared
from permissions.checks import check_resources
from realtime.capture.installing import differences
from realtime.models import LiveModel
from tenants.hosted_checks import check_hosted

UNTRACKED = {"version", "tenant"}


def register_checks() -> None:
    """Run with `manage.py check` and at start-up."""
    checks.register(check_live_models, "earshot")
    checks.register(check_capture, "earshot", checks.Tags.database)


def check_capture(databases: Collection[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that every trigger the models need is installed, current and enabled.

    Declarations that cannot be read have none; what is wrong with them is told by their own checks.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    declared = (*check_hosted(), *check_resources(), *check_declared())
    if any(message.is_serious() for message in declared) or not (wrong := str(differences())):
        return []
    return [
        checks.Warning(
            f"Not every write is captured: {wrong}.",
            hint="Run manage.py migrate, which reinstalls the triggers.",
            id="earshot.W022",
        )
    ]


def check_live_models(**_: Any) -> list[checks.CheckMessage]:
    """Every live model needs a FieldTracker over its own fields: an abstract one tracks nothing."""
    found: list[checks.CheckMessage] = []
    for model in apps.get_models():
        if issubclass(model, LiveModel) and not model._meta.proxy:
            found.extend(_check_tracker(model))
    return found


def _check_tracker(model: type[LiveModel]) -> Iterator[checks.CheckMessage]:
    tracker = model.__dict__.get("tracker")
    tracked = set(tracker.fields) if isinstance(tracker, FieldTracker) else set()
    fields = {f.name for f in model._meta.concrete_fields if not f.primary_key} - UNTRACKED
    if tracked != fields:
        yield checks.Error(
            f"The tracker of {model.__name__} does not list exactly the model's fields.",
            hint=f"Declare tracker = FieldTracker(fields={sorted(fields)}) on the class itself.",
            obj=model,
            id="earshot.E020",
        )

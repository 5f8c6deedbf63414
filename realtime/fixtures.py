"""Fixtures: `loaddata` writes past `save`, so its writes are recorded around Django's signals."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Model
from django.db.models.signals import post_save, pre_save

from realtime.changes import Creation


def connect(model: type[Model]) -> None:
    """Record what fixtures write to this live model."""
    pre_save.connect(before_save, sender=model, dispatch_uid="earshot.fixture")
    post_save.connect(after_save, sender=model, dispatch_uid="earshot.fixture")


def before_save(instance: Any, raw: bool, **_: Any) -> None:
    """Replace the fixture's version: a stored row keeps its own, a new one gets its first."""
    if not raw:
        return
    with transaction.atomic():  # `loaddata` has one anyway
        stored = instance.__dict__["_stored"] = instance.lock_stored()
        if stored is not None:
            instance.version = F("version")
        else:
            instance._creation = Creation(type(instance), [instance.tenant_id])
            [instance.version] = instance._creation.versions


def after_save(instance: Any, raw: bool, **_: Any) -> None:
    """Record it. A fixture brings the grants that belong to a new object itself."""
    if not raw:
        return
    stored = instance.__dict__.pop("_stored")
    with transaction.atomic():
        if stored is None:
            instance.__dict__.pop("_creation").complete([instance])
        else:
            rows = type(instance)._base_manager.all()
            rows.record({instance.pk: stored}, instance.tracker.fields)

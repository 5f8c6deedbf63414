"""Connects rows that others show, and that are not live themselves, to what shows them."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db.models.signals import post_delete, post_save

from realtime import dependents, fixtures
from realtime.models import LiveModel


def connect() -> None:
    """Listen to saves of rows that are shown, to deletions and to fixtures."""
    post_save.connect(on_saved, dispatch_uid="earshot.shown")
    for model in apps.get_models():
        if issubclass(model, LiveModel):
            post_delete.connect(on_deleted, sender=model, dispatch_uid="earshot.shown")
            fixtures.connect(model)


def on_saved(
    sender: Any, instance: Any, created: bool, update_fields: Collection[str] | None, **_: Any
) -> None:
    """A row that is not live itself, but is shown, was saved: raise what shows it."""
    if created or issubclass(sender, LiveModel):
        return
    for resource, shows in dependents.shown(sender):
        if update_fields is None or set(shows.fields).intersection(update_fields):
            dependents.raise_after_commit(resource, shows, [instance])


def on_deleted(sender: Any, instance: Any, **_: Any) -> None:
    """A row that others show is gone."""
    for resource, shows in dependents.shown(sender):
        # Django takes the key from the deleted instance.
        dependents.raise_after_commit(resource, shows, [copy.copy(instance)])

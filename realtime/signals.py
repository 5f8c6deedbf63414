"""Connects what the layers below tell to the outbox and to rows that show other rows."""

from __future__ import annotations

import copy
from typing import Any

from django.apps import apps
from django.db.models.signals import post_delete

from permissions.accesslog import access_committed
from realtime import dependents, fixtures
from realtime.models import LiveModel
from realtime.outbox import outbox
from tenants.watching import rows_changed


def connect() -> None:
    """Listen to committed access changes, to watched rows below, to deletions and to fixtures."""
    access_committed.connect(on_access_committed, dispatch_uid="earshot.notice")
    rows_changed.connect(on_rows_changed, dispatch_uid="earshot.shown")
    for model in apps.get_models():
        if issubclass(model, LiveModel):
            post_delete.connect(on_deleted, sender=model, dispatch_uid="earshot.shown")
            fixtures.connect(model)


def on_access_committed(**_: Any) -> None:
    """Have the hubs told that an access revision rose."""
    outbox.wake()


def on_rows_changed(sender: Any, changes: list[Any], **_: Any) -> None:
    """Rows that are not live themselves, but are shown, changed: raise what shows them."""
    for resource, shows in dependents.shown(sender):
        moved = [
            after["pk"]
            for before, after in changes
            if before and after and any(before[f] != after[f] for f in shows.fields)
        ]
        if moved:
            rows = list(sender._base_manager.filter(pk__in=moved))
            dependents.raise_after_commit(resource, shows, rows)


def on_deleted(sender: Any, instance: Any, **_: Any) -> None:
    """A row that others show is gone."""
    for resource, shows in dependents.shown(sender):
        # Django takes the key from the deleted instance.
        dependents.raise_after_commit(resource, shows, [copy.copy(instance)])

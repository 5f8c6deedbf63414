"""Rows that show other rows: found after the other row's commit, raised in transactions of their own.

Raised in the other row's transaction, one version could get two payloads: what it shows may be
changed again by a transaction that commits between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import models, transaction

from permissions.audiences import Resource, Shows, registry
from realtime import changes
from realtime.queryset import in_batches, raise_versions


def shown(model: type[models.Model]) -> list[tuple[Resource, Shows]]:
    """Every resource whose payload shows rows of this model, with how."""
    return [(r, s) for r in registry for s in r.shows if s.model is model]


def raise_shown(label: str, tenant_id: int, versions: Mapping[int, int]) -> None:
    """Raise the objects that show these changed rows of a live model."""
    model = registry.get(label).model
    showing = shown(model)
    if not showing:
        return
    since = changes.fields_since(label, versions)
    rows = model._base_manager.filter(tenant_id=tenant_id, pk__in=versions).in_bulk()
    for resource, shows in showing:
        moved = [row for pk, row in rows.items() if _touches(shows, since[pk])]
        raise_for(resource, shows, moved)


def _touches(shows: Shows, fields: Collection[str] | None) -> bool:
    return fields is None or not set(shows.fields).isdisjoint(fields)


def raise_for(resource: Resource, shows: Shows, rows: list[Any]) -> None:
    """Raise the objects that show these rows, some hundred in a transaction, and announce them."""
    if not rows:
        return
    base: Any = resource.model._base_manager
    for pks in in_batches(shows.find(rows).values_list("pk", flat=True)):
        with transaction.atomic():
            locked = base.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True)
            values = {r["pk"]: r for r in locked.values("pk", "tenant_id", "version")}
            raise_versions(resource.model, [shows.field], values)


def showing(tenant_id: int, changed: Iterable[tuple[str, int, Collection[str] | None]]) -> set[Any]:
    """The (label, key) of objects that show rows changed: (label, key, fields)."""
    found: set[tuple[str, int]] = set()
    for label, pk, fields in changed:
        if label not in registry:
            continue
        model = registry.get(label).model
        for resource, shows in shown(model):
            if _touches(shows, fields):
                rows = list(model._base_manager.filter(tenant_id=tenant_id, pk=pk))
                keys = shows.find(rows).values_list("pk", flat=True)
                found.update((resource.label, key) for key in keys)
    return found

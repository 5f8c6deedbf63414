"""Raises objects that show a changed row: after its commit, in transactions of their own.

If they were raised in the transaction of the changed row, one version could get two payloads:
another transaction may change what they show and commit in between.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from django.db import models, transaction

from permissions import unavailable
from permissions.audiences import Resource, Shows, registry
from permissions.loading import load_rows
from permissions.representation import ObjectKey
from realtime.capture import changes
from realtime.capture.batches import BATCH, in_batches
from realtime.capture.notes import Note
from realtime.capture.notes import rows as noted_rows
from realtime.failures import log_failure
from tenants.keys import Key
from tenants.placed import tenant_name, with_tenants

logger = logging.getLogger(__name__)


def shown(model: type[models.Model]) -> list[tuple[Resource, Shows]]:
    """Return every resource whose payload shows rows of this model, and how it shows them."""
    concrete: Any = model._meta.concrete_model
    return [(r, s) for r in registry for s in r.shows if s.model._meta.concrete_model is concrete]


def raise_shown(label: str, tenant_id: int, versions: Mapping[Key, int]) -> None:
    """Raise the versions of the objects that show these changed rows of a live model."""
    model = registry.get(label).model
    since: Mapping[Key, Collection[str] | None] = {}
    for resource, shows in shown(model):
        since = since or changes.fields_since(label, versions)
        raise_for(resource, shows, _rows(model, tenant_id, shows, since))


def raise_for(resource: Resource, shows: Shows, rows: Sequence[Any]) -> None:
    """Raise the versions of the objects that show these rows, in one transaction per batch."""
    for pks in in_batches(pk for _, pk in find(shows, rows)):
        with transaction.atomic():
            locked = changes.locked(resource.model, pk__in=pks)
            changes.raise_versions(resource.model, [shows.field], locked)


def raise_noted(notes: Sequence[Note]) -> None:
    """Raise the versions of the objects that show, or showed, the rows of these notes."""
    for model, rows in noted_rows(notes).items():
        for resource, shows in shown(model):
            raise_for(resource, shows, rows)


def showing(
    tenant_id: int,
    changed: Iterable[tuple[ObjectKey, Collection[str] | None]],
    *,
    guarded: bool = False,
) -> set[tuple[int, ObjectKey]]:
    """Return the (tenant id, key) of objects that show live rows in which these fields changed."""
    by_label: defaultdict[str, dict[Key, Collection[str] | None]] = defaultdict(dict)
    for key, fields in changed:
        known = by_label[key.model].setdefault(key.pk, ())
        either = None if fields is None or known is None else {*known, *fields}
        by_label[key.model][key.pk] = either
    found: set[tuple[int, ObjectKey]] = set()
    for label in by_label.keys() & {resource.label for resource in registry}:
        model = registry.get(label).model
        for resource, shows in shown(model):
            rows = _rows(model, tenant_id, shows, by_label[label])
            pairs = find(shows, rows, guarded=guarded)
            found.update((t, ObjectKey(resource.label, pk)) for t, pk in pairs)
    return found


def showing_noted(notes: Sequence[Note], *, guarded: bool = False) -> set[tuple[int, ObjectKey]]:
    """Return the (tenant id, key) of objects that show, or showed, the rows of these notes."""
    found: set[tuple[int, ObjectKey]] = set()
    for model, rows in noted_rows(notes).items():
        for resource, shows in shown(model):
            pairs = find(shows, rows, guarded=guarded)
            found.update((tenant_id, ObjectKey(resource.label, pk)) for tenant_id, pk in pairs)
    return found


def find(shows: Shows, rows: Sequence[Any], *, guarded: bool = False) -> set[tuple[int, Key]]:
    """Return the (tenant id, key) of objects that show these rows; `guarded` uses savepoints."""
    found: set[tuple[int, Key]] = set()
    for start in range(0, len(rows), BATCH):
        found |= _find(shows, list(rows[start : start + BATCH]), guarded)
    return found


def _find(shows: Shows, rows: list[Any], guarded: bool) -> set[tuple[int, Key]]:
    """Find nothing for a row that fails; a project's own `find` may raise any exception."""
    try:
        with transaction.atomic() if guarded else nullcontext():
            found = with_tenants(shows.find(rows))
            return set(found.values_list(tenant_name(found.model), "pk"))
    except Exception as error:
        unavailable.raise_database_s(error)
        if len(rows) == 1:
            what = f"What shows a {shows.model._meta.label} was not found; the sweep checks it"
            log_failure(logger, what, error)
            return set()
    return {pair for row in rows for pair in _find(shows, [row], guarded)}


def _rows(
    model: Any, tenant_id: int, shows: Shows, changed: Mapping[Key, Collection[str] | None]
) -> list[Any]:
    """Return those of a tenant's rows in which something shown changed (None: any field)."""
    wanted = set(shows.fields)
    pks = [pk for pk, fields in changed.items() if fields is None or wanted & set(fields)]
    rows = with_tenants(model._base_manager.all())
    rows = rows.filter(**{tenant_name(model): tenant_id}, pk__in=pks)
    return list(load_rows(rows).values()) if pks else []

"""Deleting a tenant, however large: marked once, and then a few of its rows at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from project.console import tenant_data
from tenants.models import Tenant

BATCH: Final = 1_000
"""Rows that go in one transaction, and what goes with each."""
PAGE: Final = 20_000
"""Keys that are read at once: all that is held of what is to go."""
REST: Final = 1.0
"""How long the other tenants have the database to themselves, to how long a batch took."""


def mark(tenant: Tenant) -> None:
    """Suspend it for good, in one write: from now on nobody sees anything of it, and nobody has to
    be told of what goes."""
    closed = Tenant.objects.filter(pk=tenant.pk, deleting_since=None)
    closed.update(is_active=False, deleting_since=Now())


def count(tenant: Tenant) -> dict[str, int]:
    """How many rows of which model are still there."""
    found = {queryset.model._meta.label: queryset.count() for queryset in tenant_data.rows(tenant)}
    found[LogEntry._meta.label] = sum(map(len, _noted(tenant)))
    groups = tenant_data.role_groups(tenant)
    return {**found, groups.model._meta.label: groups.count()}


def delete(tenant: Tenant) -> Iterator[int]:
    """Delete one that is marked and all that belongs to it, also what says what changed in it; its
    users stay.

    Yields how many rows went with each transaction. It may be stopped after any, and begun again;
    the tenant itself goes last.
    """
    yield from _unhurried(_steps(tenant))


def _steps(tenant: Tenant) -> Iterator[int]:
    for noted in _noted(tenant):
        yield _delete(LogEntry.objects.filter(pk__in=noted))
    last: dict[Any, Any] = {}
    for queryset in in_order(tenant_data.rows(tenant)):
        for page in _pages(queryset.values_list("pk", flat=True)):
            last[queryset.model] = page[-1]
            for start in range(0, len(page), BATCH):
                batch = page[start : start + BATCH]
                yield _delete(queryset.model._base_manager.filter(pk__in=batch))
    yield _end(tenant, last)


@transaction.atomic
def _end(tenant: Tenant, last: dict[Any, Any]) -> int:
    """Delete the tenant, with what was written of it meanwhile: above the last keys that went."""
    leftover = list(tenant_data.rows(tenant))
    gone: int = tenant.delete()[0]
    # The rows that this wrote are numbered at the commit, unless it is done now.
    connection.check_constraints()
    for queryset in leftover:
        newer = {"pk__gte": last[queryset.model]} if queryset.model in last else {}
        gone += _delete(queryset.filter(**newer))
    return gone


def in_order(querysets: Iterable[QuerySet[Any]]) -> Iterator[QuerySet[Any]]:
    """The rows of no model before those that refer to them, so that little goes with each."""
    left = {queryset.model: queryset for queryset in querysets}
    while left:
        fields = [(field, model) for model in left for field in model._meta.fields]
        referred = {f.related_model for f, model in fields if f.related_model is not model}
        # In a circle there is no first one: the others' rows go with theirs.
        for model in [model for model in left if model not in referred] or list(left):
            yield left.pop(model)


def _delete(rows: QuerySet[Any]) -> int:
    """As Django does, but without a look at what the rows hold."""
    gone: int = rows.order_by().only("pk").delete()[0]
    return gone


def _pages(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Rows in the order of their keys, which come first in each, many at a time."""
    rows = rows.order_by("pk")
    page = list(rows[:PAGE])
    while page:
        yield page
        newest = page[-1]
        page = list(rows.filter(pk__gt=newest[0] if isinstance(newest, tuple) else newest)[:PAGE])


def _noted(tenant: Tenant) -> Iterator[list[int]]:
    """What Django's admin noted of it and of its rows, which holds their names, some at a time."""
    for queryset in (Tenant.objects.filter(pk=tenant.pk), *tenant_data.rows(tenant)):
        kind = ContentType.objects.get_for_model(queryset.model)
        notes = LogEntry.objects.filter(content_type=kind).values_list("pk", "object_id")
        for page in _pages(notes):
            for start in range(0, len(page), BATCH):
                about = {pk: _key(queryset.model, text) for pk, text in page[start : start + BATCH]}
                known = {key for key in about.values() if key is not None}
                here = set(queryset.filter(pk__in=known).values_list("pk", flat=True))
                yield [pk for pk, key in about.items() if key in here]


def _key(model: Any, text: str | None) -> Any:
    """The key that a note names; None if there can be no such row."""
    try:
        return model._meta.pk.to_python(text)
    except ValidationError:
        return None


def _unhurried(steps: Iterator[int]) -> Iterator[int]:
    """What the steps yield, with a rest after each."""
    began = time.monotonic()
    for gone in steps:
        took = time.monotonic() - began
        yield gone
        time.sleep(took * REST)
        began = time.monotonic()

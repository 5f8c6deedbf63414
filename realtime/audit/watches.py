"""Watches: which processes have windows of a model of a tenant, so that only they are told.

It errs on the safe side: a row may outlive the windows for a while. A process that cannot write
its row opens no window.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.db import models
from django.db.models import QuerySet

from realtime.audit.models import Watch
from tenants.compiled import Compiled, Parameter


def watch(process: int, tenant_id: int, model: str) -> int:
    """Say that a process has windows of this model; return the row's key."""
    return Watch.objects.create(process_id=process, tenant_id=tenant_id, model=model).pk


def unwatch(rows: Collection[int]) -> None:
    """Take back what was said with these rows."""
    if rows:
        Watch.objects.filter(pk__in=rows).delete()


def is_watched(tenant_id: int, model: str) -> bool:
    """Return whether any process has windows of this model of the tenant."""
    return bool(_WATCHED(tenant=tenant_id, model=model))


def _watches() -> QuerySet[Any]:
    tenant: Any = Parameter("tenant", models.BigIntegerField())
    model: Any = Parameter("model")
    return Watch.objects.filter(tenant_id=tenant, model=model).values_list("pk", flat=True)[:1]


_WATCHED: Final = Compiled(_watches)

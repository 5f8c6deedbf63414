"""Watches: which processes have windows of a model of a tenant, so that only they are told.

It errs on the safe side: a row may outlive the windows for a while. A process that cannot write
its row opens no window.
"""

from __future__ import annotations

from collections.abc import Collection

from realtime.audit.models import Watch


def watch(process: int, tenant_id: int, model: str) -> int:
    """Say that a process has windows of this model; return the row's key."""
    return Watch.objects.create(process_id=process, tenant_id=tenant_id, model=model).pk


def unwatch(rows: Collection[int]) -> None:
    """Take back what was said with these rows."""
    if rows:
        Watch.objects.filter(pk__in=rows).delete()

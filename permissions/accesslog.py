"""The access log: whatever changes who may see what writes a row in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.dispatch import Signal

MANY: Final = 10_000
DELETED: Final = "deleted"

access_committed = Signal()
"""Sent after the commit of an access change, with `tenant_id`; several may stand for one commit."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Whom an access change may touch: a user, an object (model label, key), both; neither: all.

    `deleted` says that this is so because the object went.
    """

    user_id: int | None = None
    model: str | None = None
    object_id: int | None = None
    deleted: bool = False


def atomic(using: str | None = None) -> transaction.Atomic:
    """A transaction that does not roll back its savepoint costs: rows and their log are one."""
    return transaction.atomic(using=using or DEFAULT_DB_ALIAS, savepoint=False)


def record(tenant_id: int, touches: Iterable[Touch], cause: str) -> None:
    """Write the access changes of one tenant and tell of them after the commit."""
    from permissions.models import AccessChange

    rows = [
        AccessChange(
            tenant_id=tenant_id,
            user_id=touch.user_id,
            model=touch.model,
            object_id=touch.object_id,
            cause=cause,
        )
        for touch in dict.fromkeys(touches)
    ]
    if not rows:
        return
    with atomic():
        AccessChange.objects.bulk_create(rows)
        transaction.on_commit(
            lambda: access_committed.send(sender=AccessChange, tenant_id=tenant_id), robust=True
        )


def record_grants(grants: Iterable[Any], cause: str) -> None:
    """Log permission rows: a user's touches them on the object, a group's the object."""
    by_tenant: dict[int, list[Touch]] = {}
    for grant in grants:
        field = grant._meta.get_field("content_object")
        label = field.related_model._meta.label_lower
        touch = Touch(getattr(grant, "user_id", None), label, grant.content_object_id)
        by_tenant.setdefault(_tenant_of(grant, field), []).append(touch)
    for tenant_id in sorted(by_tenant):
        record(tenant_id, by_tenant[tenant_id], cause)


def _tenant_of(grant: Any, field: Any) -> int:
    """The tenant of a grant's object, without the object, of which not all may be readable."""
    if field.is_cached(grant):
        tenant_id: int = grant.content_object.tenant_id
        return tenant_id
    rows = field.related_model._base_manager.filter(pk=grant.content_object_id)
    found: int = rows.values_list("tenant_id", flat=True).get()
    return found


def revision(tenant_id: int) -> int:
    """The tenant's access revision as this snapshot sees it."""
    return revisions([tenant_id])[tenant_id]


def revisions(tenant_ids: Iterable[int]) -> dict[int, int]:
    """Several tenants' access revisions, in one query; 0 where nothing ever changed."""
    from permissions.models import AccessRevision

    wanted = list(tenant_ids)
    rows = AccessRevision.objects.filter(tenant_id__in=wanted).values_list("tenant_id", "revision")
    return {**dict.fromkeys(wanted, 0), **dict(rows)}


def risen(rows: models.QuerySet[Any]) -> dict[int, int]:
    """The highest revision of each tenant among these access changes."""
    tenants = rows.filter(revision__isnull=False).values_list("tenant_id")
    return dict(tenants.annotate(models.Max("revision")))


def since(tenant_id: int, applied: int, revision: int) -> list[Touch]:
    """The touches of the access changes above `applied` up to `revision`, in one query.

    Everything counts as touched if there are very many, or if rows were pruned.
    """
    from permissions.models import AccessChange

    if revision - applied > MANY:
        return [Touch()]
    rows: models.QuerySet[Any, tuple[Any, ...]] = AccessChange.objects.filter(
        tenant_id=tenant_id, revision__gt=applied, revision__lte=revision
    ).values_list("revision", "user_id", "model", "object_id", "cause")
    found = list(rows)
    if len({row[0] for row in found}) < revision - applied:
        return [Touch()]
    return list(
        dict.fromkeys(
            Touch(user_id, model, pk, cause == DELETED) for _, user_id, model, pk, cause in found
        )
    )

"""The access log: triggers write a row in the transaction of every change of access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models

from permissions.models import AccessChange, AccessRevision
from tenants.keys import Key

MANY: Final = 10_000
DELETED: Final = "deleted"
REVISION: Final = f"SELECT revision FROM {AccessRevision._meta.db_table} WHERE tenant_id = %s"  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class Touch:
    """Whom an access change may affect: a user, an object (model label, key), both, or everybody.

    `deleted` means that the object was deleted.
    """

    user_id: int | None = None
    model: str | None = None
    object_id: Key | None = None
    deleted: bool = False


def record(tenant_id: int, touches: Iterable[Touch], cause: str) -> None:
    """Write access changes of one tenant that no trigger wrote: repairs and deleted objects."""
    AccessChange.objects.bulk_create(
        AccessChange(
            tenant_id=tenant_id,
            user_id=touch.user_id,
            model=touch.model,
            object_id=touch.object_id,
            cause=cause,
        )
        for touch in dict.fromkeys(touches)
    )


def revision(tenant_id: int) -> int:
    """Return the tenant's access revision in this snapshot, 0 if nothing ever changed."""
    with connection.cursor() as cursor:  # in every read: the ORM would take five times as long
        cursor.execute(REVISION, [tenant_id])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def revisions(tenant_ids: Iterable[int]) -> dict[int, int]:
    """Return several tenants' access revisions, in one query; 0 where nothing ever changed."""
    wanted = list(tenant_ids)
    rows = AccessRevision.objects.filter(tenant_id__in=wanted).values_list("tenant_id", "revision")
    return {**dict.fromkeys(wanted, 0), **dict(rows)}


def highest(rows: models.QuerySet[Any]) -> models.QuerySet[Any, Any]:
    """Return a query for each tenant's highest revision among these access changes."""
    tenants = rows.filter(revision__isnull=False).values_list("tenant_id")
    found: models.QuerySet[Any, Any] = tenants.annotate(models.Max("revision"))
    return found


def since(tenant_id: int, applied: int, revision: int) -> list[Touch]:
    """Return what the access changes above `applied` up to `revision` touch, in one query.

    Everything counts as touched if there are very many, or if rows were pruned.
    """
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

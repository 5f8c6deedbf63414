"""The access log: triggers write a row in the transaction of every change of access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models

from permissions.models import AccessChange, AccessRevision
from tenants.compiled import Compiled, Parameter
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


def _above() -> models.QuerySet[Any]:
    """Return a query for some of a tenant's access changes, and for its access revision."""
    mine: Any = {"tenant_id": Parameter("tenant")}
    bounds: Any = {"revision__gt": Parameter("applied"), "revision__lte": Parameter("most")}
    rows: Any = AccessChange.objects.filter(**mine, **bounds).values_list("revision", *TOUCHED)
    fields: Any = [AccessChange._meta.get_field(name) for name in TOUCHED]
    nothing = [models.Value(None, field) for field in fields]
    now = AccessRevision.objects.filter(**mine).values_list("revision", *nothing)
    found: models.QuerySet[Any] = rows.union(now, all=True)
    return found


TOUCHED: Final = ("user_id", "model", "object_id", "cause")
_ABOVE: Final = Compiled(_above)


def since(tenant_id: int, applied: int) -> tuple[int, list[Touch]]:
    """Return the tenant's access revision, and what the access changes above `applied` touch, with
    one statement, which sees one state of the database.

    Everything counts as touched if there are very many, or if rows were pruned.
    """
    rows = _ABOVE(tenant=tenant_id, applied=applied, most=applied + MANY)
    found = [row for row in rows if row[-1] is not None]
    revision: int = next((row[0] for row in rows if row[-1] is None), 0)
    if len({row[0] for row in found}) < revision - applied:
        return revision, [Touch()]
    touches = (Touch(user, model, pk, cause == DELETED) for _, user, model, pk, cause in found)
    return revision, list(dict.fromkeys(touches))

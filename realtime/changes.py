"""Recording a change: a row beside the write, in its transaction, and a word after its commit."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction

from permissions.commits import TransactionId
from permissions.rendering import Ref
from realtime.outbox import outbox

if TYPE_CHECKING:
    from realtime.models import Change


def ref_of(model: type[models.Model], pk: int) -> Ref:
    """The name of this model's object; through a proxy it is the same as without."""
    return Ref(model._meta.concrete_model._meta.label_lower, pk)  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One object's change: its new version and the model fields that it changed (None: any)."""

    ref: Ref
    version: int
    fields: Collection[str] | None


class Wake:
    """What follows a commit; `token` numbers its rows where the database does not."""

    def __init__(self) -> None:
        self.token = secrets.randbits(62)

    def __call__(self) -> None:
        outbox.wake()


def wake_after_commit() -> Wake:
    """Have the open transaction's commit announced.

    Registered for each write, since a rollback takes back what its savepoint registered.
    """
    known = (f for _, f, *_ in connection.run_on_commit if isinstance(f, Wake))
    found = next(known, None) or Wake()
    transaction.on_commit(found, robust=True)
    return found


def _write(rows: Iterable[Change]) -> list[Change]:
    from realtime.models import Change

    rows = list(rows)
    wake = wake_after_commit()
    xid: Any = TransactionId() if connection.vendor == "postgresql" else wake.token
    for row in rows:
        row.xid = xid
    return Change.objects.bulk_create(rows)


def record(tenant_id: int, changes: Sequence[Recorded]) -> None:
    """Write the rows of one tenant's changes, to be announced after the commit."""
    from realtime.models import Change

    _write(
        Change(
            tenant_id=tenant_id,
            model=change.ref.model,
            object_id=change.ref.pk,
            version=change.version,
            fields=None if change.fields is None else sorted(change.fields),
        )
        for change in changes
    )


def mark(field: str, objects: Iterable[tuple[int, Ref]]) -> None:
    """Note that what these (tenant id, Ref) show in this field is changed by this transaction.

    They are raised after its commit. If the process dies between, the tail finds the note: version
    0, since it is about no version of theirs.
    """
    from realtime.models import Change

    _write(
        Change(tenant_id=tenant_id, model=ref.model, object_id=ref.pk, version=0, fields=[field])
        for tenant_id, ref in objects
    )


class Creation:
    """The rows of objects about to be created: their ids are the objects' first versions.

    So the version of a key that is used again is above every version that the key ever had.
    """

    def __init__(self, model: type[models.Model], tenant_ids: Sequence[int]) -> None:
        from realtime.models import Change

        self.model = model
        label = ref_of(model, 0).model
        self.rows = _write(
            Change(tenant_id=tenant_id, model=label, object_id=0, version=0, creation=True)
            for tenant_id in tenant_ids
        )

    @property
    def versions(self) -> list[int]:
        """The first versions, one for each tenant id given."""
        return [row.pk for row in self.rows]

    def complete(self, objects: Sequence[Any]) -> None:
        """Name the objects, which have their keys now."""
        from realtime.models import Change

        for row, obj in zip(self.rows, objects, strict=True):
            row.object_id, row.version = obj.pk, row.pk
        Change.objects.bulk_update(self.rows, ["object_id", "version"], batch_size=500)


def known(fields: Any) -> list[str] | None:
    """The names of fields that a row holds; None, any, also for what is no list of names."""
    if isinstance(fields, list) and all(isinstance(name, str) for name in fields):
        return fields
    return None


def fields_changed(
    model: str, versions: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], set[str] | None]:
    """For each (object id, version), the fields that its transaction changed; None: any.

    A constant number of queries. A version without a row changed any.
    """
    from realtime.models import Change

    wanted = set(versions)
    rows = Change.objects.filter(model=model, object_id__in={pk for pk, _ in wanted})
    exact = rows.filter(version__in={version for _, version in wanted})
    xids = {(pk, v): xid for pk, v, xid in exact.values_list("object_id", "version", "xid")}
    together = rows.filter(xid__in=set(xids.values())).values_list(
        "object_id", "version", "xid", "fields"
    )
    found: dict[tuple[int, int], set[str] | None] = {}
    by_object: dict[tuple[int, int], list[tuple[int, list[str] | None]]] = {}
    for pk, version, xid, fields in together:
        by_object.setdefault((pk, xid), []).append((version, known(fields)))
    for pk, version in wanted:
        group = by_object.get((pk, xids.get((pk, version), -1)), [])
        parts = [fields for v, fields in group if v <= version]
        found[pk, version] = _union(parts) if parts else None
    return found


def fields_since(
    model: str, versions: Mapping[int, int], *, creations: bool = True
) -> dict[int, set[str] | None]:
    """For each object id, the fields changed in its version given and all later ones; None: any.

    No fields if there are no such versions: they were rolled back. A creation changed any field;
    without `creations` it counts for nothing.
    """
    from realtime.models import Change

    rows = Change.objects.filter(
        model=model, object_id__in=versions, version__gte=min(versions.values())
    )
    if not creations:
        rows = rows.filter(creation=False)
    found: dict[int, list[list[str] | None]] = {pk: [] for pk in versions}
    for pk, version, fields in rows.values_list("object_id", "version", "fields"):
        if version >= versions[pk]:
            found[pk].append(known(fields))
    return {pk: _union(parts) for pk, parts in found.items()}


def _union(parts: Iterable[list[str] | None]) -> set[str] | None:
    """All the fields; None if any part means any field."""
    fields: set[str] = set()
    for part in parts:
        if part is None:
            return None
        fields.update(part)
    return fields

"""Recording a change: a row beside the write, in its transaction, and a word after its commit."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction

from permissions.rendering import Ref
from realtime.outbox import outbox


@dataclass(frozen=True, slots=True)
class Recorded:
    """One object's change: its new version and the model fields that it changed (None: any)."""

    ref: Ref
    version: int
    fields: Collection[str] | None


class Announcement:
    """Tells the outbox, after the commit, which versions were written; names the transaction."""

    def __init__(self, tenant_id: int, versions: Iterable[tuple[Ref, int]], token: int) -> None:
        self.tenant_id = tenant_id
        self.versions = list(versions)
        self.token = token

    def __call__(self) -> None:
        for ref, version in self.versions:
            outbox.change(self.tenant_id, ref, version)


class TransactionId(models.Func):
    """PostgreSQL's id of the current transaction, which its snapshots compare."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()
    arity = 0


def transaction_token() -> int:
    """A number that all changes of this transaction share: that of the first one announced.

    One whose savepoint was rolled back is gone from the list, and its rows are too.
    """
    for entry in connection.run_on_commit:
        if isinstance(entry[1], Announcement):
            return entry[1].token
    return secrets.randbits(62)


def _row(tenant_id: int, model: str, token: int) -> Any:
    from realtime.models import Change

    xid: Any = TransactionId() if connection.vendor == "postgresql" else token
    return Change(tenant_id=tenant_id, model=model, object_id=0, version=0, xid=xid)


def _announce(tenant_id: int, versions: Iterable[tuple[Ref, int]], token: int) -> None:
    transaction.on_commit(Announcement(tenant_id, versions, token), robust=True)


def record(tenant_id: int, changes: Sequence[Recorded]) -> None:
    """Write the rows of one tenant's changes and announce them after the commit."""
    from realtime.models import Change

    token = transaction_token()
    rows = []
    for change in changes:
        row = _row(tenant_id, change.ref.model, token)
        row.object_id = change.ref.pk
        row.version = change.version
        row.fields = None if change.fields is None else sorted(change.fields)
        rows.append(row)
    Change.objects.bulk_create(rows)
    _announce(tenant_id, [(change.ref, change.version) for change in changes], token)


class Creation:
    """The rows of objects about to be created: their ids are the objects' first versions.

    So the version of a key that is used again is above every version that the key ever had.
    """

    def __init__(self, model: type[models.Model], tenant_ids: Sequence[int]) -> None:
        from realtime.models import Change

        self.label = model._meta.label_lower
        self.token = transaction_token()
        rows = [_row(tenant_id, self.label, self.token) for tenant_id in tenant_ids]
        self.rows = Change.objects.bulk_create(rows)

    @property
    def versions(self) -> list[int]:
        """The first versions, one for each tenant id given."""
        return [row.pk for row in self.rows]

    def complete(self, objects: Sequence[Any]) -> None:
        """Name the objects, which have their keys now, and announce them after the commit."""
        from realtime.models import Change

        for row, obj in zip(self.rows, objects, strict=True):
            row.object_id, row.version = obj.pk, row.pk
        Change.objects.bulk_update(self.rows, ["object_id", "version"], batch_size=500)
        for row in self.rows:
            _announce(row.tenant_id, [(Ref(self.label, row.object_id), row.pk)], self.token)


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
        by_object.setdefault((pk, xid), []).append((version, fields))
    for pk, version in wanted:
        group = by_object.get((pk, xids.get((pk, version), -1)), [])
        found[pk, version] = _union(fields for v, fields in group if v <= version)
    return found


def fields_since(model: str, versions: Mapping[int, int]) -> dict[int, set[str] | None]:
    """For each object id, the fields changed in its version given and all later ones; None: any."""
    from realtime.models import Change

    rows = Change.objects.filter(
        model=model, object_id__in=versions, version__gte=min(versions.values())
    )
    found: dict[int, list[list[str] | None]] = {pk: [] for pk in versions}
    for pk, version, fields in rows.values_list("object_id", "version", "fields"):
        if version >= versions[pk]:
            found[pk].append(fields)
    return {pk: _union(parts) for pk, parts in found.items()}


def _union(parts: Iterable[list[str] | None]) -> set[str] | None:
    """All the fields; None if any part means any field, or there is no part."""
    fields: set[str] = set()
    empty = True
    for part in parts:
        if part is None:
            return None
        fields.update(part)
        empty = False
    return None if empty else fields

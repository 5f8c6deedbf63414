"""Reads the log of changes, and writes the few changes that no trigger writes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models

from permissions.commits import TransactionId
from permissions.models import ObjectVersion
from permissions.representation import ObjectKey
from permissions.stored import is_beside
from realtime.capture import locks, transactions
from realtime.capture.models import Change
from tenants.compiled import Among, Compiled, Parameter
from tenants.keys import Key, KeyField, as_logged, read
from tenants.placed import tenant_name, with_tenants


def key_of(model: type[models.Model], pk: Key) -> ObjectKey:
    """Return the key of this model's object; a proxy gives the key of its concrete model."""
    return ObjectKey(model._meta.concrete_model._meta.label_lower, pk)  # type: ignore[union-attr]


Row = tuple[Key, int, int, bool, Any]
"""A change: its object's key, its version and transaction, whether it is a creation, its fields."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One object's change: its new version and the fields that changed (None: any may have)."""

    key: ObjectKey
    version: int
    fields: Collection[str] | None


def _write(rows: Iterable[Change]) -> list[Change]:
    rows = list(rows)
    sqlite = connection.vendor == "sqlite"
    xid: Any = transactions.number(connection) if sqlite else TransactionId()
    for row in rows:
        row.xid = xid
    return Change.objects.bulk_create(rows)


def record(tenant_id: int, changes: Sequence[Recorded]) -> None:
    """Record that objects of one tenant changed because rows that they show did."""
    _write(
        Change(
            tenant_id=tenant_id,
            model=change.key.model,
            object_id=change.key.pk,
            version=change.version,
            fields=None if change.fields is None else sorted(change.fields),
        )
        for change in changes
    )


def locked(model: Any, **which: Any) -> dict[Key, dict[str, Any]]:
    """Lock these rows, in the order of their keys; return the `tenant_id` and `version` of each.

    Without those that are in no tenant.
    """
    rows: Any = models.QuerySet(model).filter(**which)
    rows = rows.order_by("pk").select_for_update(no_key=True)
    if not is_beside(model):
        return {row["pk"]: row for row in rows.values("pk", "tenant_id", "version")}
    name = tenant_name(model)
    locks.hold(model, rows)
    # Only now: what was read with the rows may be older than the lock.
    places = dict(with_tenants(rows).values_list("pk", name))
    found = {pk: {"pk": pk, "tenant_id": t} for pk, t in places.items() if t is not None}
    beside = ObjectVersion.objects.filter(model=_label(model), object_id__in=found)
    versions = dict(beside.values_list("object_id", "version"))
    return {pk: {**row, "version": versions.get(pk, 0)} for pk, row in found.items()}


def _put(model: Any, versions: Mapping[Key, int]) -> None:
    """Write the versions that are beside these locked rows."""
    ObjectVersion.objects.bulk_create(
        (
            ObjectVersion(model=_label(model), object_id=pk, version=version)
            for pk, version in versions.items()
        ),
        update_conflicts=True,
        unique_fields=["model", "object_id"],
        update_fields=["version"],
    )


def _label(model: Any) -> str:
    label: str = model._meta.concrete_model._meta.label_lower
    return label


def raise_versions(
    model: Any, fields: Collection[str] | None, locked: Mapping[Key, Mapping[str, Any]]
) -> None:
    """Raise the versions of locked rows that show something which changed elsewhere; record it.

    `locked` has the current `tenant_id` and `version` of each row; `fields` None means any field.
    """
    if is_beside(model):
        _put(model, {pk: row["version"] + 1 for pk, row in locked.items()})
    else:
        models.QuerySet(model).filter(pk__in=locked).update(version=models.F("version") + 1)
    by_tenant: defaultdict[int, list[Recorded]] = defaultdict(list)
    for pk, row in sorted(locked.items()):
        recorded = Recorded(key_of(model, pk), row["version"] + 1, fields)
        by_tenant[row["tenant_id"]].append(recorded)
    for tenant_id in sorted(by_tenant):
        record(tenant_id, by_tenant[tenant_id])


def renew(model: Any, tenant_id: int, pk: Key) -> None:
    """Give a row that this transaction has locked a higher version than it ever had."""
    label = key_of(model, pk).model
    [row] = _write([Change(tenant_id=tenant_id, model=label, object_id=pk, version=0)])
    Change.objects.filter(pk=row.pk).update(version=row.pk)
    if is_beside(model):
        _put(model, {pk: row.pk})
    else:
        models.QuerySet(model).filter(pk=pk).update(version=row.pk)


def known(fields: Any) -> list[str] | None:
    """Return the field names that a row holds; None (any field) if it holds no list of names."""
    if isinstance(fields, list) and all(isinstance(name, str) for name in fields):
        return fields
    return None


def fields_changed(
    model: str, versions: Iterable[tuple[Key, int]]
) -> dict[tuple[Key, int], set[str] | None]:
    """Return, for each (object id, version), what its transaction had changed by then; None: any.

    Takes one query. A version without a row counts as a change of any field.
    """
    wanted = set(versions)
    if not wanted:
        return {}
    xids: dict[tuple[Key, int], int] = {}
    by_object: dict[tuple[Key, int], list[tuple[int, list[str] | None]]] = {}
    for pk, version, xid, fields in _together(model, wanted):
        xids[pk, version] = xid
        by_object.setdefault((pk, xid), []).append((version, known(fields)))
    found: dict[tuple[Key, int], set[str] | None] = {}
    for pk, version in wanted:
        group = by_object.get((pk, xids.get((pk, version), -1)), [])
        parts = [fields for v, fields in group if v <= version]
        found[pk, version] = _union(parts) if parts else None
    return found


def _together(model: str, wanted: Iterable[tuple[Key, int]]) -> Iterator[tuple[Key, int, int, Any]]:
    """Yield the changes that gave objects these versions, and those before them in the same
    transactions: key, version, transaction, fields."""
    keys, numbers = zip(*((as_logged(pk), version) for pk, version in wanted), strict=True)
    sqlite = connection.vendor == "sqlite"
    pairs = [json.dumps(list(zip(keys, numbers, strict=True)))] if sqlite else [[*keys], [*numbers]]
    with connection.cursor() as cursor:
        cursor.execute(TOGETHER.format(pairs=PAIRS[connection.vendor]), [*pairs, model, model])
        for key, version, xid, fields in cursor.fetchall():
            yield read(key), version, xid, None if fields is None else json.loads(fields)


class Since:
    """What changed in some objects, in each from a version on with which a transaction began."""

    def __init__(self, versions: Mapping[Key, int], rows: Iterable[Row]) -> None:
        self._rows: dict[Key, list[Row]] = {pk: [] for pk in versions}
        for row in rows:
            if row[1] >= versions[row[0]]:
                self._rows[row[0]].append(row)

    def fields(self, pk: Key, *, creations: bool) -> set[str] | None:
        """Return the fields changed; None: any. Empty if all of it was rolled back.

        A creation counts as a change of any field, or as no change if `creations` is false.
        """
        return _union(
            known(fields) for *_, creation, fields in self._rows[pk] if creations or not creation
        )

    def exact(self, pk: Key, version: int) -> set[str] | None:
        """Return what the version's transaction had changed by then, as `fields_changed` does."""
        mine = [row for row in self._rows[pk] if row[1] <= version]
        xids = {xid for _, number, xid, *_ in mine if number == version}
        return _union(known(row[-1]) for row in mine if row[2] in xids) if xids else None

    def is_created(self, pk: Key) -> bool:
        """Return whether the object was created with one of these versions."""
        return any(creation for *_, creation, _ in self._rows[pk])


def since(model: str, versions: Mapping[Key, int]) -> Since:
    """Return what changed in these objects from the given versions on, with one query."""
    return Since(versions, _SINCE(model=model, keys=versions, lowest=min(versions.values())))


def fields_since(model: str, versions: Mapping[Key, int]) -> dict[Key, set[str] | None]:
    """Return, for each object id, the fields changed from the given version on; None: any.

    Empty if there are no such versions any more, because they were rolled back. A creation counts
    as a change of any field.
    """
    found = since(model, versions)
    return {pk: found.fields(pk, creations=True) for pk in versions}


def _of_objects(**more: Any) -> models.QuerySet[Any]:
    """Return the changes of some objects of a model."""
    some: Any = {"model": Parameter("model"), "object_id__in": Among("keys", KEY)}
    return Change.objects.filter(**some, **more)


KEY: Final = KeyField()
PAIRS: Final = {
    "postgresql": "SELECT * FROM unnest(%s::text[], %s::bigint[]) AS pair(object_id, version)",
    "sqlite": "SELECT value ->> 0 AS object_id, value ->> 1 AS version FROM json_each(%s)",
}
# From each change to the one before it, as long as that is of the same transaction: an object with
# a long history has no index of its transactions. CROSS keeps SQLite from beginning with all
# changes, and `+ 0` PostgreSQL from passing over a transaction that wrote very many. It begins with
# SELECT: `waking` takes WITH for a write.
TOGETHER: Final = f"""
SELECT * FROM (WITH RECURSIVE together(object_id, version, xid, fields) AS (
  SELECT c.object_id, c.version, c.xid, c.fields FROM ({{pairs}}) asked
  CROSS JOIN {Change._meta.db_table} c WHERE c.model = %s AND c.object_id = asked.object_id
    AND c.version = asked.version
  UNION
  SELECT c.object_id, c.version, c.xid, c.fields FROM together
  JOIN {Change._meta.db_table} c ON c.xid + 0 = together.xid AND c.id = (
    SELECT prior.id FROM {Change._meta.db_table} prior
    WHERE prior.model = %s AND prior.object_id = together.object_id
      AND prior.version > 0 AND prior.version < together.version
    ORDER BY prior.version DESC LIMIT 1)
)
SELECT object_id, version, xid, fields FROM together) found
"""
_SINCE: Final = Compiled(
    lambda: _of_objects(version__gte=Parameter("lowest")).values_list(
        "object_id", "version", "xid", "creation", "fields"
    )
)


def _union(parts: Iterable[list[str] | None]) -> set[str] | None:
    """Return the union of the fields; None if any part means any field."""
    fields: set[str] = set()
    for part in parts:
        if part is None:
            return None
        fields.update(part)
    return fields

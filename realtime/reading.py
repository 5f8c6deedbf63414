"""What the hub asks of the database: plain functions that run on a thread, each in one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models, transaction

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.audiences import registry
from permissions.read import Pair, Reading, read, read_within
from permissions.rendering import Ref
from permissions.snapshot import in_snapshot
from realtime import changes, dependents, frames
from realtime.frames import Frame
from realtime.queryset import raise_versions

HORIZON: Final = {
    "postgresql": ("xid", "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
    "sqlite": ("pk", "SELECT coalesce(max(id), 0) + 1 FROM realtime_change"),
}


@dataclass(frozen=True, slots=True)
class RoundReading:
    """What a round reads first: the revision, the access changes up to it, and the asked pairs."""

    revision: int
    touches: list[Touch]
    seen: Mapping[Pair, Frame | None]

    @property
    def deleted(self) -> set[Ref]:
        """The objects that are gone."""
        named = [(t.model, t.object_id) for t in self.touches if t.deleted]
        return {Ref(model, pk) for model, pk in named if model and pk}

    @property
    def users(self) -> set[int] | None:
        """The users whose standing may have changed; None for everybody."""
        users = {touch.user_id for touch in self.touches if touch.model is None}
        return None if None in users else {user for user in users if user is not None}


def read_round(tenant_id: int, applied: int | None, pairs: Collection[Pair]) -> RoundReading:
    """The tenant's access revision and changes above `applied` (None: everything is touched), and
    what the pairs see, in one snapshot."""

    def work(guarded: bool) -> tuple[Reading, list[Touch]]:
        reading = read_within(tenant_id, pairs, guarded=guarded)
        if applied is None:
            return reading, [Touch()]
        return reading, accesslog.since(tenant_id, applied, reading.revision)

    reading, touches = in_snapshot(work)
    return RoundReading(reading.revision, touches, _frames(reading.seen))


def read_pairs(tenant_id: int, pairs: Collection[Pair]) -> Mapping[Pair, Frame | None]:
    """What the pairs see, in a snapshot of its own."""
    return _frames(read(tenant_id, pairs).seen)


def _frames(seen: Mapping[Pair, Any]) -> dict[Pair, Frame | None]:
    """Frames of representations: one for each, with what its version changed."""
    versions: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for r in seen.values():
        if r is not None:
            versions[r.ref.model].add((r.ref.pk, r.version))
    fields = {label: changes.fields_changed(label, wanted) for label, wanted in versions.items()}
    made: dict[int, Frame] = {}
    for r in seen.values():
        if r is not None and id(r) not in made:
            changed = fields[r.ref.model][r.ref.pk, r.version]
            made[id(r)] = frames.shared(frames.make(registry.get(r.ref.model), r, changed))
    return {pair: None if r is None else made[id(r)] for pair, r in seen.items()}


@dataclass(frozen=True, slots=True)
class Changed:
    """One row that the tail found: the object's version, and what it changed (None: any)."""

    tenant_id: int
    ref: Ref
    version: int
    fields: Collection[str] | None


@dataclass(frozen=True, slots=True)
class TailReading:
    """What the tail found, and where the next one begins."""

    revisions: Mapping[int, int]
    changed: list[Changed]
    showing: set[tuple[int, Ref]]
    cursor: int


def read_tail(tenant_ids: Collection[int], cursor: int | None) -> TailReading:
    """The tenants' access revisions and their changes since the cursor (None: from now on).

    On PostgreSQL the cursor is a transaction horizon: a row with a lower id may commit after one
    with a higher was read. On SQLite, where writers are serial, it is an id.
    """
    return in_snapshot(lambda guarded: _read_tail(tenant_ids, cursor, guarded))


def _read_tail(tenant_ids: Collection[int], cursor: int | None, guarded: bool) -> TailReading:
    from realtime.models import Change

    revisions = accesslog.revisions(tenant_ids)
    following, column = _horizon()
    rows: models.QuerySet[Any, Any] = Change.objects.none()
    if cursor is not None:
        rows = Change.objects.filter(tenant_id__in=tenant_ids, **{f"{column}__gte": cursor})
    found = [
        Changed(tenant_id, Ref(model, pk), version, changes.known(fields))
        for tenant_id, model, pk, version, fields in rows.order_by("pk").values_list(
            "tenant_id", "model", "object_id", "version", "fields"
        )
    ]
    showing = {(row.tenant_id, row.ref) for row in found if not row.version}
    for tenant_id in {row.tenant_id for row in found}:
        mine = [(row.ref, row.fields) for row in found if row.tenant_id == tenant_id]
        showing |= dependents.showing(tenant_id, mine, guarded=guarded)
    found = [row for row in found if row.version]
    return TailReading(revisions, found, showing, following)


def _horizon() -> tuple[int, str]:
    """The cursor of the next tail and the column that it is compared with."""
    column, query = HORIZON[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0], column


def repair_change(tenant_id: int, ref: Ref, version: int, above: int) -> bool:
    """Write the Change that is missing for an object whose payload moved without one.

    The new version is `above` + 1: `version`, or more if it was lowered by hand. False if somebody
    else raised it meanwhile: then there is nothing missing.
    """
    model: Any = registry.get(ref.model).model
    row = model._base_manager.filter(tenant_id=tenant_id, pk=ref.pk, version=version)
    with transaction.atomic():
        locked = row.select_for_update(no_key=True).values("pk", "tenant_id")
        rows = {r["pk"]: {**r, "version": above} for r in locked}
        if rows:
            models.QuerySet(model).filter(pk=ref.pk).update(version=above)
            raise_versions(model, None, rows)
    return bool(rows)


def repair_access(tenant_id: int, user_id: int, ref: Ref) -> bool:
    """Write the AccessChange that is missing for a user whose audience moved without one: True."""
    accesslog.record(tenant_id, [Touch(user_id, ref.model, ref.pk)], "repaired")
    return True

"""What the hub asks of the database: plain functions that run on a thread, each in one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from permissions import accesslog, commits
from permissions.accesslog import Touch
from permissions.audiences import registry
from permissions.commits import Between, Mark
from permissions.listing import Ask, list_within
from permissions.models import AccessChange
from permissions.read import Pair, Reading, read, read_within
from permissions.representation import ObjectKey, Representation
from permissions.snapshot import in_snapshot
from realtime.capture import changes, dependents
from realtime.capture.models import Change
from realtime.capture.notes import noted
from realtime.publishing import framing
from realtime.state.frames import Frame


@dataclass(frozen=True, slots=True)
class RoundReading:
    """What a round reads first: the revision, the access changes up to it, and the asked pairs."""

    revision: int
    touches: list[Touch]
    seen: Mapping[Pair, Frame | None]
    lists: list[list[Any]]

    @property
    def deleted(self) -> set[ObjectKey]:
        """Return the objects that are gone."""
        named = [(t.model, t.object_id) for t in self.touches if t.deleted]
        return {ObjectKey(model, pk) for model, pk in named if model and pk is not None}

    @property
    def users(self) -> set[int] | None:
        """Return the users whose standing may have changed; None for everybody."""
        users = {touch.user_id for touch in self.touches if touch.model is None}
        return None if None in users else {user for user in users if user is not None}


def read_round(
    tenant_id: int,
    applied: int | None,
    pairs: Collection[Pair],
    lists: Sequence[tuple[str, Ask]] = (),
) -> RoundReading:
    """Return the tenant's access revision and changes above `applied` (None: everything is
    touched), the keys of these lists, and what the pairs and the lists' users see of them, in one
    snapshot."""

    def work(guarded: bool) -> tuple[Reading, list[Touch], list[list[Any]]]:
        found, listed = _lists(tenant_id, lists)
        reading = read_within(tenant_id, {*pairs, *listed}, guarded=guarded)
        if applied is None:
            return reading, [Touch()], found
        return reading, accesslog.since(tenant_id, applied, reading.revision), found

    reading, touches, found = in_snapshot(work)
    return RoundReading(reading.revision, touches, _frames(reading.seen), found)


def read_pairs(tenant_id: int, pairs: Collection[Pair]) -> tuple[int, Mapping[Pair, Frame | None]]:
    """Return the access revision, and what the pairs see, in a snapshot of its own."""
    reading = read(tenant_id, pairs)
    return reading.revision, _frames(reading.seen)


def read_lists(
    tenant_id: int, lists: Sequence[tuple[str, Ask]]
) -> tuple[list[list[Any]], int, Mapping[Pair, Frame | None]]:
    """Return the keys of these lists, the access revision, and what their users see of them, in one
    snapshot."""

    def work(guarded: bool) -> tuple[list[list[Any]], Reading]:
        found, listed = _lists(tenant_id, lists)
        return found, read_within(tenant_id, listed, guarded=guarded)

    found, reading = in_snapshot(work)
    return found, reading.revision, _frames(reading.seen)


def _lists(tenant_id: int, lists: Sequence[tuple[str, Ask]]) -> tuple[list[list[Any]], set[Pair]]:
    """Return the keys of these lists, in their order, and each user's pairs with theirs."""
    by_model: defaultdict[str, list[int]] = defaultdict(list)
    for number, (model, _) in enumerate(lists):
        by_model[model].append(number)
    found: list[list[Any]] = [[] for _ in lists]
    pairs: set[Pair] = set()
    for model, numbers in by_model.items():
        asks = [lists[number][1] for number in numbers]
        listed = list_within(registry.get(model), tenant_id, asks)
        for number, ask, pks in zip(numbers, asks, listed, strict=True):
            found[number] = pks
            pairs.update((ask.user_id, ObjectKey(model, pk)) for pk in pks[: ask.limit])
    return found, pairs


def _frames(seen: Mapping[Pair, Representation | None]) -> dict[Pair, Frame | None]:
    """Return a frame for each representation, with what its version changed."""
    distinct = {id(r): r for r in seen.values() if r is not None}
    versions: defaultdict[str, set[tuple[Any, int]]] = defaultdict(set)
    for r in distinct.values():
        versions[r.key.model].add((r.key.pk, r.version))
    fields = {label: changes.fields_changed(label, wanted) for label, wanted in versions.items()}
    made: dict[int, Frame] = {}
    for name, r in distinct.items():
        changed = fields[r.key.model][r.key.pk, r.version]
        made[name] = framing.shared(framing.make(registry.get(r.key.model), r, changed))
    return {pair: None if r is None else made[id(r)] for pair, r in seen.items()}


@dataclass(frozen=True, slots=True)
class Changed:
    """One row that the tail found: the object's version, what it changed (None: any), and whether
    it created the object."""

    tenant_id: int
    key: ObjectKey
    version: int
    fields: Collection[str] | None
    creation: bool = False


@dataclass(frozen=True, slots=True)
class TailReading:
    """What the tail found, and where the next one begins."""

    revisions: Mapping[int, int]
    changed: list[Changed]
    showing: set[tuple[int, ObjectKey]]
    marks: list[Mark]


def read_tail(served: Callable[[], Collection[int]], marks: Sequence[Mark] | None) -> TailReading:
    """Return what committed after the marks in the tenants that are `served`: changes, and access
    revisions that rose. Without marks: all revisions, and no changes.

    It costs what all tenants' changes do, however many are served. `served` is asked when the
    snapshot is taken: sockets that come later read later.
    """
    return in_snapshot(lambda guarded: _read_tail(served, marks, guarded))


def _read_tail(
    served: Callable[[], Collection[int]], marks: Sequence[Mark] | None, guarded: bool
) -> TailReading:
    now = commits.marks([Change, AccessChange])
    if marks is None:
        return TailReading(accesslog.revisions(served()), [], set(), now)
    (before, accessed), (after, accessed_now) = marks, now
    writers = {tenant_id for (tenant_id,) in _WRITERS(before, after)}
    tenants = writers & set(served())
    written = Change._base_manager.filter(before.until(after)).order_by()
    changed = _changed(written.filter(tenant_id__in=tenants, version__gt=0)) if tenants else []
    # A note may be of no tenant: that counts as a writer, too.
    showing = _showing_noted(written, served(), guarded) if writers else set()
    for tenant_id in tenants:
        mine = [(row.key, row.fields) for row in changed if row.tenant_id == tenant_id]
        showing |= dependents.showing(tenant_id, mine, guarded=guarded)
    risen = dict(_RISEN(accessed, accessed_now))
    return TailReading(risen, changed, showing, now)


_WRITERS: Final = Between(Change, lambda rows: rows.values_list("tenant_id").distinct(), mine=False)
_RISEN: Final = Between(AccessChange, accesslog.highest, mine=False)


def _showing_noted(
    rows: QuerySet[Any], tenants: Collection[int], guarded: bool
) -> set[tuple[int, ObjectKey]]:
    """Return what shows, in these tenants, the rows of notes, which may be of no tenant."""
    notes = rows.filter(version=0).order_by("pk").values_list("model", "object_id", "fields")
    found = dependents.showing_noted(
        [noted(ObjectKey(model, pk), fields) for model, pk, fields in notes], guarded=guarded
    )
    return {(tenant_id, key) for tenant_id, key in found if tenant_id in tenants}


def _changed(rows: QuerySet[Any]) -> list[Changed]:
    return [
        Changed(tenant_id, ObjectKey(model, pk), version, changes.known(fields), creation)
        for tenant_id, model, pk, version, fields, creation in rows.order_by("pk").values_list(
            "tenant_id", "model", "object_id", "version", "fields", "creation"
        )
    ]


def repair_change(tenant_id: int, key: ObjectKey, version: int, above: int) -> bool:
    """Write the Change that is missing for an object whose payload moved without one.

    The new version is `above` + 1: `version`, or more if it was lowered while nothing captured it;
    then it is above all that the object ever had. Return False if somebody else raised it
    meanwhile: then nothing is missing.
    """
    model = registry.get(key.model).model
    with transaction.atomic():
        found = changes.locked(model, pk=key.pk)
        same = {"pk": key.pk, "tenant_id": tenant_id, "version": version}
        rows = {pk: row for pk, row in found.items() if row == same}
        if rows and version < above:
            changes.renew(model, tenant_id, key.pk)
        elif rows:
            changes.raise_versions(model, None, rows)
    return bool(rows)


def repair_access(tenant_id: int, user_id: int, key: ObjectKey) -> bool:
    """Write the AccessChange missing for a user whose audience moved without one; return True."""
    accesslog.record(tenant_id, [Touch(user_id, key.model, key.pk)], "repaired")
    return True

"""The queryset that lets no ORM write escape: bulk writes raise versions and are recorded too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from permissions import ceiling, holders, loading
from permissions.audiences import Resource, registry
from permissions.ceiling import Key
from permissions.holders import Standings
from realtime import changes
from realtime.changes import Creation, Recorded
from tenants.scoping import TenantQuerySet

M = TypeVar("M", bound=models.Model)
Rows = dict[int, dict[str, Any]]

BATCH = 500


def same(one: Any, other: Any) -> bool:
    """Whether two values of a column are the same to its readers: `true` is no 1, in JSON too."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


class FixedField(ValueError):
    """Somebody tried to write what no write may change."""

    def __init__(self, model: type[models.Model], field: str) -> None:
        self.model = model
        self.field = field
        super().__init__(
            f"{model.__name__}.{field} is not yours to write, leave it out: a version only counts "
            "changes, and an object keeps its tenant and its key; create another one instead."
        )


class UnrecordableWrite(ValueError):
    """A bulk write of which nobody can say afterwards what it changed."""

    def __init__(self, option: str) -> None:
        self.option = option
        super().__init__(
            f"bulk_create({option}=True) does not tell which rows it wrote, so nobody can be told; "
            "use update_or_create, or bulk_create the new and bulk_update the others."
        )


def resource_of(model: type[models.Model]) -> Resource | None:
    """The model's declaration, if it has one."""
    label = changes.ref_of(model, 0).model
    return registry.get(label) if label in registry else None


def holder_fields(model: type[models.Model]) -> frozenset[str]:
    """The model's fields that name a user who holds an audience."""
    resource = resource_of(model)
    return frozenset(resource.holders if resource else ())


def refuse_fixed(model: type[models.Model], names: Collection[str]) -> None:
    """Raise FixedField if any of these fields may not be written."""
    for field in ("version", "tenant", model._meta.pk.name):
        if field in names:
            raise FixedField(model, field)


def in_batches(keys: Iterable[int]) -> Iterator[list[int]]:
    """The keys in order, in lists of at most BATCH."""
    ordered = sorted(keys)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


class LiveQuerySet(TenantQuerySet[M]):
    """Locks in key order, writes, compares, and raises the versions of what really changed."""

    def update(self, **kwargs: Any) -> int:
        """Update the rows; only those that really change get a new version and are announced."""
        names = {self.model._meta.get_field(name).name for name in kwargs}
        refuse_fixed(self.model, names)
        updated = 0
        with transaction.atomic(using=self.db, savepoint=False):
            # The keys first: a query that joins or counts cannot be locked in their order.
            for pks in in_batches(set(self.order_by().values_list("pk", flat=True))):
                locked = self.model._base_manager.using(self.db).select_for_update(no_key=True)
                before = self._stored(locked.filter(pk__in=pks).order_by("pk"), names)
                standings = self._standings(before, names & holder_fields(self.model))
                updated += super(LiveQuerySet, self.filter(pk__in=pks)).update(**kwargs)
                self.record(before, names, standings)
        self._result_cache = None
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """Create objects with first versions, announced like saves."""
        if ignore_conflicts or update_conflicts:
            raise UnrecordableWrite("ignore_conflicts" if ignore_conflicts else "update_conflicts")
        new: Sequence[Any] = list(objs)
        if not new:
            return []
        with transaction.atomic(using=self.db, savepoint=False):
            creation = Creation(self.model, [obj.tenant_id for obj in new])
            for obj, version in zip(new, creation.versions, strict=True):
                obj.version = version
            created = super().bulk_create(new, batch_size)
            creation.complete(created)
        return created

    @staticmethod
    def _stored(rows: Any, names: Collection[str]) -> Rows:
        return loading.values_of_all(rows, ("tenant_id", "version", *names))

    def record(self, before: Rows, names: Collection[str], standings: Standings = None) -> None:
        """Compare locked rows with what they are now; raise and record those that differ."""
        base = self.model._base_manager.using(self.db)
        after = self._stored(base.filter(pk__in=before), names)
        alike: defaultdict[frozenset[str], list[int]] = defaultdict(list)
        for pk, row in after.items():
            fields = frozenset(n for n in names if not same(row[n], before[pk][n]))
            if fields:
                alike[fields].append(pk)
        for fields, pks in alike.items():
            raise_versions(self.model, fields, {pk: after[pk] for pk in pks})
            self._follow(base, pks, before, fields & holder_fields(self.model), standings)

    def _standings(self, before: Rows, named: Collection[str]) -> Standings:
        """How who acts stands to these rows, if holders' columns of them are to be written."""
        resource = resource_of(self.model)
        if resource is None or not named:
            return None
        keys = [Key(pk, row["tenant_id"]) for pk, row in before.items()]
        return ceiling.standings(resource, keys, ceiling.current())

    def _follow(
        self, base: Any, pks: list[int], before: Rows, named: Collection[str], standings: Standings
    ) -> None:
        resource = resource_of(self.model)
        if resource is not None and named:
            rows = loading.load_rows(base.filter(pk__in=pks)).values()
            moved = [(obj, {name: before[obj.pk][name] for name in named}) for obj in rows]
            holders.moved(resource, moved, standings)


def raise_versions(model: Any, fields: Collection[str] | None, locked: Rows) -> None:
    """Raise the versions of rows that this transaction has locked, move stamps, record, announce.

    `locked` holds `tenant_id` and `version` as they are; `fields` None stands for any field.
    """
    stamps = {s for s, sources in model.stamps.items() if fields and set(sources) & set(fields)}
    changed = None if fields is None else {*fields, *stamps}
    now = timezone.now()
    unhooked: models.QuerySet[Any] = models.QuerySet(model).filter(pk__in=locked)
    unhooked.update(version=models.F("version") + 1, **dict.fromkeys(stamps, now))
    by_tenant: defaultdict[int, list[Recorded]] = defaultdict(list)
    for pk, row in sorted(locked.items()):
        recorded = Recorded(changes.ref_of(model, pk), row["version"] + 1, changed)
        by_tenant[row["tenant_id"]].append(recorded)
    for tenant_id in sorted(by_tenant):
        changes.record(tenant_id, by_tenant[tenant_id])

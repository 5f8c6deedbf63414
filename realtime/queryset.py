"""The queryset that lets no ORM write escape: bulk writes raise versions and are recorded too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from permissions import grants
from permissions.audiences import registry
from permissions.rendering import Ref
from realtime import changes
from realtime.changes import Creation, Recorded
from tenants.scoping import TenantQuerySet

M = TypeVar("M", bound=models.Model)
Rows = dict[int, dict[str, Any]]

BATCH = 500


class VersionLowered(ValueError):
    """Somebody tried to write `version`, which only counts changes and never goes down."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        super().__init__(f"The version of {model.__name__} is not yours to write; leave it out.")


class UnrecordableWrite(ValueError):
    """A bulk write of which nobody can say afterwards what it changed."""

    def __init__(self, option: str) -> None:
        self.option = option
        super().__init__(
            f"bulk_create({option}=True) does not tell which rows it wrote, so nobody could be told; "
            "use update_or_create, or bulk_create the new and bulk_update the others."
        )


def holder_fields(model: type[models.Model]) -> frozenset[str]:
    """The model's fields that name a user who holds an audience."""
    if model._meta.label_lower not in registry:
        return frozenset()
    return frozenset(registry.of(model).holders)


def in_batches(keys: Iterable[int]) -> Iterator[list[int]]:
    """The keys in order, in lists of at most BATCH."""
    ordered = sorted(keys)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


class LiveQuerySet(TenantQuerySet[M]):
    """Locks in key order, writes, compares, and raises the versions of what really changed."""

    def update(self, **kwargs: Any) -> int:
        """Update the rows; only those that really change get a new version and are announced."""
        names = {self.model._meta.get_field(name).name for name in kwargs}
        if "version" in names:
            raise VersionLowered(self.model)
        updated = 0
        with transaction.atomic(using=self.db, savepoint=False):
            before = self._stored(
                self.order_by("pk").select_for_update(no_key=True, of=("self",)), names
            )
            for pks in in_batches(before):
                updated += super(LiveQuerySet, self.filter(pk__in=pks)).update(**kwargs)
                self._record({pk: before[pk] for pk in pks}, names)
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
        """Create objects with first versions and their holders' grants, announced like saves."""
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
            if self.model._meta.label_lower in registry:
                grants.establish(registry.of(self.model), created)
        return created

    @staticmethod
    def _stored(rows: Any, names: Collection[str]) -> Rows:
        return {row["pk"]: row for row in rows.values("pk", "tenant_id", "version", *names)}

    def _record(self, before: Rows, names: Collection[str]) -> None:
        """Compare with the rows as they are now; raise, record and follow those that differ."""
        base = self.model._base_manager.using(self.db)
        after = self._stored(base.filter(pk__in=before), names)
        alike: defaultdict[frozenset[str], list[int]] = defaultdict(list)
        for pk, row in after.items():
            fields = frozenset(name for name in names if row[name] != before[pk][name])
            if fields:
                alike[fields].append(pk)
        for fields, pks in alike.items():
            raise_versions(self.model, fields, {pk: after[pk] for pk in pks})
            self._follow(base, pks, before, fields & holder_fields(self.model))

    def _follow(self, base: Any, pks: list[int], before: Rows, holders: Collection[str]) -> None:
        if holders:
            for obj in base.filter(pk__in=pks):
                moved = {name: before[obj.pk][name] for name in holders}
                grants.follow(registry.of(self.model), obj, moved)


def raise_versions(model: Any, fields: Collection[str] | None, locked: Rows) -> None:
    """Raise the versions of rows that this transaction has locked, move stamps, record, announce.

    `locked` holds `tenant_id` and `version` as they are; `fields` None stands for any field.
    """
    stamps = {s for s, sources in model.stamps.items() if fields and set(sources) & set(fields)}
    changed = None if fields is None else {*fields, *stamps}
    now = timezone.now()
    unhooked = models.QuerySet(model).filter(pk__in=locked)
    unhooked.update(version=models.F("version") + 1, **dict.fromkeys(stamps, now))
    by_tenant: defaultdict[int, list[Recorded]] = defaultdict(list)
    for pk, row in sorted(locked.items()):
        ref = Ref(model._meta.label_lower, pk)
        by_tenant[row["tenant_id"]].append(Recorded(ref, row["version"] + 1, changed))
    for tenant_id, recorded in sorted(by_tenant.items()):
        changes.record(tenant_id, recorded)

"""The model mixin whose writes reach subscribers, and the rows that say what changed."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models.base import ModelBase
from django.utils import timezone

from permissions import ceiling, holders, loading
from permissions.models import Guarded
from realtime import changes
from realtime.changes import Creation, Recorded
from realtime.queryset import (
    FixedField,
    LiveQuerySet,
    holder_fields,
    refuse_fixed,
    resource_of,
    same,
)
from realtime.records import Access, Connection, Process, Push
from tenants.models import Tenant
from tenants.scoping import UnscopedManager
from tenants.writers import CurrentWriter

# Trackers copy what they compare with, and what Django makes of binary columns cannot be copied.
copyreg.pickle(memoryview, lambda view: (bytes, (bytes(view),)))  # type: ignore[arg-type, return-value]

__all__ = ["Access", "Change", "Connection", "LiveModel", "Process", "Push"]


class Change(models.Model):
    """One change of one object, written in its transaction; the tail reads what was not announced.

    `fields` are names of the model's fields, null for any. `xid` is equal for all changes of a
    transaction; on PostgreSQL it is the transaction's id, by which the logs are read: a row with a
    lower id may commit after one with a higher. `writer` says which process wrote it.
    """

    tenant = models.ForeignKey(
        Tenant,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    model = models.CharField(max_length=100)
    object_id = models.BigIntegerField()
    version = models.BigIntegerField()
    creation = models.BooleanField(default=False)
    fields = models.JSONField(null=True)
    xid = models.BigIntegerField()
    writer = models.CharField(max_length=64, null=True, db_default=CurrentWriter())  # noqa: DJ001 - null: SQLite has none
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["model", "object_id", "version"], name="change_by_object"),
            models.Index(fields=["xid"], name="change_by_commit"),
            models.Index(
                fields=["writer", "xid"],
                name="change_by_writer",
                condition=models.Q(writer__isnull=False),
            ),
        ]


class LiveModel(Guarded):
    """A guarded object whose every ORM write raises its version, is recorded and is pushed.

    Declare a `FieldTracker` named `tracker` over all its own fields on each concrete model.
    `stamps` maps a date-time field to the fields whose change sets it to now.
    """

    stamps: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    tracker: ClassVar[Any]

    objects: ClassVar[Any] = LiveQuerySet.as_manager()
    unscoped: ClassVar[Any] = UnscopedManager.from_queryset(LiveQuerySet)()

    class Meta(Guarded.Meta):
        abstract = True

    def save(
        self,
        *args: Any,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Write the fields that really change, if any, and raise the version.

        Which ones: `update_fields` if given; else those that this instance changed since it was
        loaded or last committed, so that a stale instance does not put old values back. Each is
        confirmed against the stored row, which is locked.
        """
        if args:  # as Django still takes them
            force_insert, force_update, using, update_fields = self._parse_save_params(  # type: ignore[attr-defined]
                *args,
                method_name="save",
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=update_fields,
            )
        named = None if update_fields is None else set(update_fields)
        with transaction.atomic(using=using, savepoint=False):
            stored = None if force_insert or self.pk is None else self.lock_stored(using)
            if stored is not None:
                self._save_changes(stored, named, using)
            elif force_update or named is not None:
                # Django says what is wrong with it, or does nothing.
                super().save(
                    force_insert=force_insert,
                    force_update=force_update,
                    using=using,
                    update_fields=named,
                )
            else:
                self._save_new(using)

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        """Read the row again; what was written and rolled back before is forgotten."""
        super().refresh_from_db(using, fields, from_queryset)
        if not transaction.get_connection(using).in_atomic_block:
            for written in self._unconfirmed:
                written.difference_update(self.tracker.fields if fields is None else fields)

    def lock_stored(self, using: str | None = None) -> dict[str, Any] | None:
        """Lock the stored row, if there is one, and return what it holds; raises FixedField."""
        # Neither the manager's scoping nor an order, both of which take longer than the query.
        rows: Any = models.QuerySet(type(self), using=using).filter(pk=self.pk)
        row: dict[str, Any] | None = loading.values(
            rows.select_for_update(no_key=True),
            ("pk", "tenant_id", "version", *self.tracker.fields),
        )
        if row is not None and row["tenant_id"] != self.tenant_id:
            raise FixedField(type(self), "tenant")
        return row

    def _save_new(self, using: str | None) -> None:
        creation = Creation(type(self), [self.tenant_id])
        [self.version] = creation.versions
        super().save(using=using, force_insert=True)
        creation.complete([self])

    def _save_changes(
        self, stored: dict[str, Any], named: set[str] | None, using: str | None
    ) -> None:
        names = self._candidates(named)
        self._state.adding = False
        fields = {name for name in names if not same(self._evaluated(name), stored[name])}
        if not fields:
            return
        for stamp, sources in self.stamps.items():
            if fields.intersection(sources):
                setattr(self, stamp, timezone.now())
                fields.add(stamp)
        resource = resource_of(type(self))
        moved = {name: stored[name] for name in fields & holder_fields(type(self))}
        standings = None
        if resource is not None and moved:
            standings = ceiling.standings(resource, [self], ceiling.current())
        self.version = stored["version"] + 1
        super().save(update_fields={*fields, "version"}, force_update=True, using=using)
        self._remember(set(fields))
        recorded = Recorded(changes.ref_of(type(self), self.pk), self.version, fields)
        changes.record(self.tenant_id, [recorded])
        if resource is not None and moved:
            holders.moved(resource, [(self, moved)], standings)

    def _candidates(self, named: set[str] | None) -> set[str]:
        """The tracked fields that this save is about."""
        tracked = set(self.tracker.fields)
        if named is not None:
            names = {self._meta.get_field(name).name for name in named}
            refuse_fixed(type(self), names - {"tenant"})  # which is unchanged
            return names & tracked
        if self._state.adding:  # made with the key of a stored row, to replace it
            return tracked
        changed = set(self.tracker.changed())
        for name, before in self.tracker.saved_data.items():  # the tracker takes `true` for 1
            if not same(before, self.tracker.get_field_value(name)):
                changed.add(name)
        return changed.union(*self._unconfirmed)

    def _evaluated(self, name: str) -> Any:
        """The field's value as the database would give it back; an expression is evaluated now."""
        field: Any = self._meta.get_field(name)
        value = getattr(self, field.attname)
        if not hasattr(value, "resolve_expression"):
            return field.to_python(value)
        rows = type(self)._base_manager.filter(pk=self.pk)
        [value] = rows.values_list(models.ExpressionWrapper(value, field), flat=True)
        value = field.to_python(value)
        setattr(self, field.attname, value)
        return value

    @property
    def _unconfirmed(self) -> list[set[str]]:
        """The fields of each write that has not committed: after a rollback the tracker says that
        they are clean, though the row has their old values."""
        unconfirmed: list[set[str]] = self.__dict__.setdefault("_writes", [])
        return unconfirmed

    def _remember(self, written: set[str]) -> None:
        # One by one: a savepoint may take back the last write of a field, and not the one before.
        self._unconfirmed.append(written)
        transaction.on_commit(lambda: self._confirm(written))

    def _confirm(self, written: set[str]) -> None:
        self._unconfirmed[:] = [write for write in self._unconfirmed if write is not written]

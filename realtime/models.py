"""The model mixin whose writes reach subscribers, and the rows that say what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models.base import ModelBase
from django.utils import timezone

from permissions import grants
from permissions.audiences import registry
from permissions.models import Guarded
from permissions.rendering import Ref
from realtime import changes
from realtime.changes import Creation, Recorded
from realtime.queryset import LiveQuerySet, VersionLowered, holder_fields
from tenants.models import Tenant
from tenants.scoping import UnscopedManager


class Change(models.Model):
    """One change of one object, written in its transaction; the tail reads what was not announced.

    `fields` are names of the model's fields, null for any. `xid` is equal for all changes of a
    transaction; on PostgreSQL it is the transaction's id, by whose horizon the tail reads: a row
    with a lower id may commit after one with a higher.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    model = models.CharField(max_length=100)
    object_id = models.BigIntegerField()
    version = models.BigIntegerField()
    fields = models.JSONField(null=True)
    xid = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["model", "object_id", "version"], name="change_by_object"),
            models.Index(fields=["tenant", "xid"], name="change_by_horizon"),
        ]


class LiveModel(Guarded):
    """A guarded object whose every ORM write raises its version, is recorded and is pushed.

    Declare a `FieldTracker` named `tracker` over all its own fields on each concrete model.
    `stamps` maps a date-time field to the fields whose change sets it to now.
    """

    stamps: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    tracker: ClassVar[Any]

    objects = LiveQuerySet.as_manager()
    unscoped = UnscopedManager.from_queryset(LiveQuerySet)()

    class Meta(Guarded.Meta):
        abstract = True

    def save(
        self,
        *,
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
        named = None if update_fields is None else set(update_fields)
        with transaction.atomic(using=using, savepoint=False):
            stored = None if force_insert or self.pk is None else self._lock()
            if stored is not None:
                self._save_changes(stored, named)
            elif force_update or named is not None:
                super().save(using=using, force_update=force_update, update_fields=named)
            else:
                self._save_new(using)

    def _lock(self) -> dict[str, Any] | None:
        rows: Any = type(self)._base_manager.select_for_update(no_key=True).filter(pk=self.pk)
        row: dict[str, Any] | None = rows.values("version", *type(self).tracker.fields).first()
        return row

    def _save_new(self, using: str | None) -> None:
        creation = Creation(type(self), [self.tenant_id])
        [self.version] = creation.versions
        super().save(using=using, force_insert=True)
        creation.complete([self])
        if self._meta.label_lower in registry:
            grants.establish(registry.of(type(self)), [self])

    def _save_changes(self, stored: dict[str, Any], named: set[str] | None) -> None:
        fields = {name for name in self._candidates(named) if self._evaluated(name) != stored[name]}
        if not fields:
            return
        for stamp, sources in self.stamps.items():
            if fields.intersection(sources):
                setattr(self, stamp, timezone.now())
                fields.add(stamp)
        self.version = stored["version"] + 1
        super().save(update_fields={*fields, "version"}, force_update=True)
        self._remember(fields)
        ref = Ref(self._meta.label_lower, self.pk)
        changes.record(self.tenant_id, [Recorded(ref, self.version, fields)])
        moved = {name: stored[name] for name in fields & holder_fields(type(self))}
        if moved:
            grants.follow(registry.of(type(self)), self, moved)

    def _candidates(self, named: set[str] | None) -> set[str]:
        """The tracked fields that this save is about."""
        if named is None:
            return {*self.tracker.changed(), *self._unconfirmed}
        if "version" in named:
            raise VersionLowered(type(self))
        return {self._meta.get_field(name).name for name in named} & set(self.tracker.fields)

    def _evaluated(self, name: str) -> Any:
        """The field's value as the database would give it back; an expression is evaluated now."""
        field = self._meta.get_field(name)
        value = getattr(self, field.attname)
        if hasattr(value, "resolve_expression"):
            rows = type(self)._base_manager.filter(pk=self.pk)
            value = rows.values_list(models.ExpressionWrapper(value, field), flat=True).get()
            setattr(self, field.attname, value)
        return field.to_python(value)

    @property
    def _unconfirmed(self) -> set[str]:
        """Fields written in a transaction that has not committed: after a rollback the tracker
        says that they are clean, though the row has their old values."""
        unconfirmed: set[str] = self.__dict__.setdefault("_written", set())
        return unconfirmed

    def _remember(self, fields: set[str]) -> None:
        self._unconfirmed.update(fields)
        transaction.on_commit(lambda: self._unconfirmed.difference_update(fields))

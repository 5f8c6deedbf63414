"""The model mixin whose writes reach subscribers, and the rows that say what changed."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.models.base import ModelBase

from permissions.holders import weighed
from permissions.models import Guarded
from permissions.versions import forget_version
from realtime.capture.saving import SAVING, FixedField, Saving, forget, take_away
from realtime.capture.tracking import SAVED
from tenants.keys import KeyField
from tenants.models import Tenant
from tenants.writers import CurrentWriter

# A tracker copies the values that it compares, and Django's binary value cannot be copied.
copyreg.pickle(memoryview, lambda view: (bytes, (bytes(view),)))  # type: ignore[arg-type, return-value]

NOT_READ: Final = object()


class Change(models.Model):
    """One change of one object, written in its transaction; the tail reads what was not announced.

    `fields` are names of the model's fields; null means any. `xid` is the same for all changes of a
    transaction. On PostgreSQL it is the transaction's id, by which the logs are read, since a row
    with a lower id may commit after one with a higher id. `writer` names the process that wrote.
    """

    tenant = models.ForeignKey(
        Tenant,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    model = models.CharField(max_length=100)
    object_id = KeyField()
    version = models.BigIntegerField()
    creation = models.BooleanField(default=False)
    fields = models.JSONField(null=True)
    xid = models.BigIntegerField()
    writer = models.CharField(max_length=64, null=True, db_default=CurrentWriter())  # noqa: DJ001 - null: SQLite has none
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["model", "object_id", "version"], name="earshot_change_by_object"),
            models.Index(fields=["xid"], name="earshot_change_by_commit"),
            models.Index(
                fields=["writer", "xid"],
                name="earshot_change_by_writer",
                condition=models.Q(writer__isnull=False),
            ),
        ]


class LiveModel(Guarded):
    """A guarded object whose changes are recorded and pushed, whoever writes them.

    Each concrete model declares a `FieldTracker` named `tracker` over all its own fields.
    `stamps` maps a date-time field to the fields whose change sets it to the current time.
    """

    stamps: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    tracker: ClassVar[Any]

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
        """Write, in one UPDATE, what this instance changed since it was loaded or last committed;
        no statement if nothing changed.

        A stale instance therefore restores no old value. `update_fields` are written as they are.
        Values that the database computes (version, stamps, expressions) leave the instance, and are
        loaded when they are read. Raises FixedField, and DatabaseError if the row is gone.
        """
        if args:  # Django still accepts positional ones
            force_insert, force_update, using, update_fields = self._parse_save_params(  # type: ignore[attr-defined]
                *args,
                method_name="save",
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=update_fields,
            )
        using = using or router.db_for_write(type(self), instance=self)
        if using != DEFAULT_DB_ALIAS:
            self._save_elsewhere(force_insert, force_update, using, update_fields)
            return
        comes = self._state.db not in (None, using)
        if comes:  # what that database has says nothing of this one
            vars(self)[SAVED] = {}
        named = None if update_fields is None else self._named(update_fields)
        saving = Saving(self, named, connections[using], forced=force_update)
        if saving.recreates and not (force_update or named is not None):
            force_insert, self._state.adding = force_insert or True, True
        elif not (force_insert or self._state.adding or self.pk is None or comes):
            self._refuse_moved()
            force_update = force_update or named is None
        with saving:
            super().save(
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=named,
            )

    def _save_elsewhere(self, *how: Any) -> None:
        """Save as Django does, in a database where nothing is captured; what was changed since
        stays to be written in ours."""
        force_insert, force_update, using, update_fields = how
        saved = vars(self)[SAVED]
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )
        vars(self)[SAVED] = saved

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        """Read the row again, and forget what was written before and rolled back."""
        if fields is None:
            # Django would take the removed values for deferred ones, and not read them.
            away = {"version", *self.stamps} - vars(self).keys()
            vars(self).update(dict.fromkeys(away, NOT_READ))
        else:
            away, fields = set(), list(fields)
        try:
            super().refresh_from_db(using, fields, from_queryset)
        finally:
            take_away(self, [name for name in away if vars(self)[name] is NOT_READ])
        forget(self, fields, connections[self._state.db or DEFAULT_DB_ALIAS])

    def _prepare_related_fields_for_save(self, operation_name: str, fields: Any = None) -> None:
        super()._prepare_related_fields_for_save(operation_name, fields)  # type: ignore[misc]
        if operation_name == "bulk_create":  # the only method of an instance that it calls
            forget_version(self)
            self.tracker.keep()

    def _do_update(
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any, **kwargs: Any
    ) -> Any:
        saving: Saving | None = self.__dict__.get(SAVING)
        if saving is not None:
            values = saving.chosen(values)
            if not (values or saving.forced):
                return True
        with weighed(base_qs, {field.name for field, *_ in values}, pk=pk_val):
            return super()._do_update(base_qs, using, pk_val, values, *args, **kwargs)

    def _do_insert(
        self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: Any
    ) -> Any:
        saving: Saving | None = self.__dict__.get(SAVING)
        if saving is not None:
            saving.insert(fields)
        return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc]

    def _named(self, update_fields: Iterable[str]) -> frozenset[str]:
        """Return the names of these fields; raises FixedField."""
        names = {field.attname: field.name for field in self._meta.concrete_fields}
        named = frozenset(names.get(name, name) for name in update_fields)
        for name in ("version", self._meta.pk.name):
            if name in named:
                raise FixedField(type(self), name)
        return named

    def _refuse_moved(self) -> None:
        """Raise FixedField if the instance's key or tenant is not that of its row."""
        saved, key = vars(self)[SAVED], self._meta.pk
        for name, attname in ((key.name, key.attname), ("tenant", "tenant_id")):
            if saved.get(attname) not in (None, vars(self).get(attname, saved.get(attname))):
                raise FixedField(type(self), name)

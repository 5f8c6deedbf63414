"""Models that notice every ORM write to certain fields: saves, bulk writes, cascades, fixtures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

from django.apps import apps
from django.db import models, router, transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import Signal

M = TypeVar("M", bound=models.Model)
Row = dict[str, Any]
Rows = Mapping[Any, Row | None]

# Sent inside the writing transaction with `changes: list[Change]` and `created: list[Model]`;
# the sender is the model, of a proxy the one behind it.
rows_changed = Signal()


class Change(NamedTuple):
    """The watched fields of one row; `before` is None for a new row, `after` for a deleted one."""

    before: Row | None
    after: Row | None


class ConflictsUnwatchable(TypeError):
    """An insert that may silently become an update, so that nobody can say what changed."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        super().__init__(
            f"{model.__name__}.bulk_create() takes neither ignore_conflicts nor update_conflicts: "
            "what it changed could not be announced. Use update_or_create() for each row."
        )


class WatchedQuerySet(models.QuerySet[M]):
    """Announces bulk writes. A child row needs it in its base manager too: `tenant.rows.add()`."""

    def update(self, **kwargs: Any) -> int:
        self._for_write = True
        with transaction.atomic(using=self.db, savepoint=False):
            before = stored(self)
            # Only the rows that were read: one that begins to match meanwhile would go unannounced.
            count = super(WatchedQuerySet, self.filter(pk__in=before)).update(**kwargs)
            self._result_cache = None
            announce(self.model, self.db, before)
        return count

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
        if ignore_conflicts or update_conflicts:
            raise ConflictsUnwatchable(self.model)
        self._for_write = True
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(objs, batch_size)
            announce(self.model, self.db, {row.pk: None for row in created}, created)
        return created


class Watched(models.Model):
    """A model whose subclasses name the columns in `watched` whose changes are announced."""

    watched: ClassVar[tuple[str, ...]]
    _stored: list[Rows]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        using = named_database(args, kwargs) or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            super().save(*args, **kwargs)


def named_database(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """The database that arguments of `save` name, also by position, which Django still takes."""
    using: str | None = args[2] if len(args) > 2 else kwargs.get("using")
    return using


def stored(rows: models.QuerySet[Any]) -> Rows:
    """The watched fields of these rows, locked by ascending key until the transaction ends."""
    model = rows.model
    locked = model._base_manager.using(rows.db).select_for_update(no_key=True).order_by("pk")
    return _values(locked.filter(pk__in=rows.order_by().values("pk")))


def announce(
    model: type[models.Model],
    using: str,
    before: Rows,
    created: Sequence[models.Model] = (),
) -> None:
    """Send `rows_changed` for those of the rows that differ now."""
    now = _values(model._base_manager.using(using).filter(pk__in=before))
    changes = [Change(row, now.get(pk)) for pk, row in before.items() if row != now.get(pk)]
    if changes:
        _send(model, changes, created)


def connect() -> None:
    """Watch every installed model that is `Watched`, proxies included."""
    for model in apps.get_models():
        if issubclass(model, Watched):
            pre_save.connect(_before_save, sender=model)
            post_save.connect(_after_save, sender=model)
            post_delete.connect(_after_delete, sender=model)


def _values(rows: models.QuerySet[Any]) -> Rows:
    return {row["pk"]: row for row in rows.values("pk", *rows.model.watched)}


def _before_save(instance: Watched, using: str, **_: Any) -> None:
    rows = type(instance)._base_manager.using(using)
    before = {} if instance.pk is None else stored(rows.filter(pk=instance.pk))
    # A list, since a receiver of the signals may save the same instance again.
    instance.__dict__.setdefault("_stored", []).append(before)


def _after_save(instance: Watched, using: str, created: bool, raw: bool, **_: Any) -> None:
    # A fixture brings the rows that belong to a new one itself.
    before = instance._stored.pop() or {instance.pk: None}
    announce(type(instance), using, before, [instance] if created and not raw else [])


def _after_delete(instance: Watched, **_: Any) -> None:
    row = {"pk": instance.pk} | {name: getattr(instance, name) for name in instance.watched}
    _send(type(instance), [Change(row, None)])


def _send(
    model: type[models.Model], changes: list[Change], created: Sequence[models.Model] = ()
) -> None:
    rows_changed.send(model._meta.concrete_model, changes=changes, created=list(created))

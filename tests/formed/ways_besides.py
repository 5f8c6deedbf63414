"""Every way to create and to delete an object, and to write nothing."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, models, transaction

from tests.formed.ways_of_instances import Way, way

NOTHING: dict[str, Way] = {}
CREATING: dict[str, Way] = {}
DELETING: dict[str, Way] = {}


@way(NOTHING)
def save_of_no_fields(thing: Any) -> None:
    thing.stored.title = "Two"
    thing.stored.save(update_fields=[])
    thing.stored.title = "One"


@way(NOTHING)
def save_of_what_is_there(thing: Any) -> None:
    thing.objects.get().save()


@way(NOTHING)
def ignored(thing: Any) -> None:
    obj = thing.objects.get()
    obj.title = "Two"
    thing.model.objects.bulk_create([obj], ignore_conflicts=True)


@way(NOTHING)
def get_or_create(thing: Any) -> None:
    thing.objects.get_or_create({"title": "Two"}, pk=thing.stored.pk)


@way(NOTHING)
def rolled_back(thing: Any) -> None:
    def failing() -> None:
        with transaction.atomic():
            thing.objects.update(title="Two")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()


@way(NOTHING)
def marked_for_rollback(thing: Any) -> None:
    with transaction.atomic():
        thing.objects.update(title="Two")
        transaction.set_rollback(True)


@way(NOTHING)
def refused_by_a_constraint(thing: Any) -> None:
    obj = thing.objects.get()
    obj.pk, obj._state.adding = None, True
    with pytest.raises(IntegrityError), transaction.atomic():
        obj.save(force_insert=True)  # what is unique is taken


def fresh(thing: Any) -> Any:
    obj = thing.objects.get()
    obj.pk, obj.id, obj._state.adding = None, None, True
    obj.title, obj.charfield_unique, obj.binaryfield_unique = "New", "new", b"new"
    return obj


@way(CREATING)
def copy_without_a_key(thing: Any) -> None:
    fresh(thing).save()


@way(CREATING)
def force_insert(thing: Any) -> None:
    fresh(thing).save(force_insert=True)


@way(CREATING)
def force_insert_of_classes(thing: Any) -> None:
    fresh(thing).save(force_insert=(thing.model,))


@way(CREATING)
def bulk_create(thing: Any) -> None:
    thing.model.objects.bulk_create([fresh(thing)], batch_size=1)


@way(CREATING)
def abulk_create(thing: Any) -> None:
    async_to_sync(models.QuerySet(thing.model).abulk_create)([fresh(thing)])


@way(CREATING)
def save_raw(thing: Any) -> None:
    fresh(thing).save_base(raw=True)


@way(CREATING)
def by_update_or_create(thing: Any) -> None:
    values = {
        f.name: getattr(fresh(thing), f.name)
        for f in thing.model._meta.concrete_fields
        if not f.generated and f.name not in ("id", "version")
    }
    thing.objects.update_or_create({"title": "Never"}, create_defaults=values, pk=-1)


@way(DELETING)
def delete(thing: Any) -> None:
    thing.stored.delete()


@way(DELETING)
def delete_keeping_parents(thing: Any) -> None:
    thing.stored.delete(keep_parents=True)


@way(DELETING)
def adelete(thing: Any) -> None:
    async_to_sync(thing.stored.adelete)()


@way(DELETING)
def delete_of_many(thing: Any) -> None:
    thing.objects.delete()


@way(DELETING)
def raw_delete(thing: Any) -> None:
    thing.objects._raw_delete("default")


@way(DELETING)
def cascade(thing: Any) -> None:
    gone = type(thing.stored.owner).objects.create_user("gone")
    thing.objects.update(owner=gone)
    gone.delete()

"""Every way to change objects by query sets, by receivers, and in transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from asgiref.sync import async_to_sync
from django.db import models, transaction
from django.db.models import Case, Value, When
from django.db.models.functions import Lower
from django.db.models.signals import post_save, pre_save

from tests.formed.ways_of_instances import Way, way

CHANGING: dict[str, Way] = {}


@way(CHANGING)
def update(thing: Any) -> None:
    thing.objects.update(title="Two")


@way(CHANGING)
def update_by_case(thing: Any) -> None:
    when = When(title="One", then=Value("Two"))
    thing.objects.order_by("-pk").update(title=Case(when, default=Lower("title")))


@way(CHANGING)
def aupdate(thing: Any) -> None:
    async_to_sync(thing.objects.aupdate)(title="Two")


@way(CHANGING)
def bulk_update(thing: Any) -> None:
    obj = thing.objects.get()
    obj.title = "Two"
    thing.objects.bulk_update([obj], ["title"], batch_size=1)


@way(CHANGING)
def bulk_update_by_an_expression(thing: Any) -> None:
    obj = thing.objects.get()
    obj.title = Lower("title")
    thing.objects.bulk_update([obj], ["title"])


@way(CHANGING)
def update_or_create(thing: Any) -> None:
    thing.objects.update_or_create(
        {"title": "Two"}, create_defaults={"title": "Never"}, pk=thing.stored.pk
    )


@way(CHANGING)
def aupdate_or_create(thing: Any) -> None:
    async_to_sync(thing.objects.aupdate_or_create)({"title": "Two"}, pk=thing.stored.pk)


@way(CHANGING)
def upsert(thing: Any) -> None:
    obj = thing.objects.get()
    obj.title = "Two"
    thing.model.objects.bulk_create(
        [obj], update_conflicts=True, unique_fields=["id"], update_fields=["title"]
    )


@way(CHANGING)
def related_manager(thing: Any) -> None:
    thing.model._base_manager.filter(owner=thing.stored.owner).update(title="Two")


@way(CHANGING)
def proxy(thing: Any) -> None:
    obj: Any = models.QuerySet(seeming(thing.model)).get()
    obj.title = "Two"
    obj.save()


@cache
def seeming(model: Any) -> Any:
    """A proxy of the model."""
    meta = type("Meta", (), {"proxy": True, "app_label": "elsewhere"})
    return type(f"Seeming{model.__name__}", (model,), {"__module__": __name__, "Meta": meta})


@contextmanager
def received(thing: Any, signal: Any, receiver: Any) -> Iterator[None]:
    signal.connect(receiver, sender=thing.model, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=thing.model)


@way(CHANGING)
def receiver_before(thing: Any) -> None:
    def set_title(instance: Any, **_: Any) -> None:
        instance.title = "Two"

    with received(thing, pre_save, set_title):
        thing.stored.save()


@way(CHANGING)
def receiver_after_that_saves(thing: Any) -> None:
    def again(instance: Any, **_: Any) -> None:
        if instance.title != "Two":
            instance.title = "Two"
            instance.save(update_fields=["title"])

    with received(thing, post_save, again):
        thing.stored.save()


@way(CHANGING)
def nested_transactions(thing: Any) -> None:
    with transaction.atomic(durable=True):
        kept = transaction.savepoint()
        thing.objects.update(title="Never")
        transaction.savepoint_rollback(kept)
        with transaction.atomic():
            thing.stored.title = "Two"
            thing.stored.save()


@way(CHANGING)
def beside_a_hook_that_fails(thing: Any) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with transaction.atomic():
        transaction.on_commit(fail, robust=True)
        thing.objects.update(title="Two")


@way(CHANGING)
def without_autocommit(thing: Any) -> None:
    transaction.set_autocommit(False)
    try:
        thing.objects.update(title="Two")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)

"""Every way to change an object by an instance of it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

Way = Callable[[Any], None]
CHANGING: dict[str, Way] = {}


def way(of: dict[str, Way]) -> Callable[[Way], Way]:
    """Take a function for one of these ways, by its name."""

    def taken(write: Way) -> Way:
        of[write.__name__.replace("_", " ").strip()] = write
        return write

    return taken


@way(CHANGING)
def save_forced(thing: Any) -> None:
    thing.stored.title = "Two"
    thing.stored.save(force_update=True)


@way(CHANGING)
def save_positional(thing: Any) -> None:
    thing.stored.title = "Two"
    with pytest.deprecated_call():
        thing.stored.save(False, True)


@way(CHANGING)
def save_in_default(thing: Any) -> None:
    thing.stored.title = "Two"
    thing.stored.save(using="default")


@way(CHANGING)
def save_of_fields(thing: Any) -> None:
    thing.stored.title = "Two"
    thing.stored.slugfield = "unsaved"
    thing.stored.save(update_fields=("title",))
    thing.stored.refresh_from_db()


@way(CHANGING)
def save_of_an_expression(thing: Any) -> None:
    thing.stored.title = Concat(F("title"), Value("Two"))
    thing.stored.save()
    thing.stored.refresh_from_db()


@way(CHANGING)
def save_of_an_expression_in_fields(thing: Any) -> None:
    thing.stored.title = Concat(F("title"), Value("Two"))
    thing.stored.save(update_fields=["title"])
    thing.stored.refresh_from_db(fields=["title"])


@way(CHANGING)
def save_base(thing: Any) -> None:
    thing.stored.title = "Two"
    thing.stored.save_base()


@way(CHANGING)
def save_base_raw(thing: Any) -> None:
    thing.stored.title = "Two"
    thing.stored.save_base(raw=True, force_update=True)


@way(CHANGING)
def asave(thing: Any) -> None:
    thing.stored.title = "Two"
    async_to_sync(thing.stored.asave)(update_fields=["title"])


@way(CHANGING)
def made_with_the_key(thing: Any) -> None:
    values = {
        f.attname: getattr(thing.stored, f.attname)
        for f in thing.model._meta.concrete_fields
        if not f.generated
    }
    thing.model(**{**values, "title": "Two"}).save()


@way(CHANGING)
def copied(thing: Any) -> None:
    obj = copy.deepcopy(thing.objects.get())
    obj.title = "Two"
    obj.save()


@way(CHANGING)
def pickled(thing: Any) -> None:
    obj = thing.objects.get()
    obj.title = "Two"
    pickle.loads(pickle.dumps(obj)).save()


@way(CHANGING)
def deferred(thing: Any) -> None:
    obj = thing.objects.defer("title").get()
    obj.title = "Two"
    obj.save()


@way(CHANGING)
def deferred_and_read(thing: Any) -> None:
    obj = thing.objects.only("pk").get()
    obj.title = obj.title + "Two"
    obj.save()


@way(CHANGING)
def raw(thing: Any) -> None:
    obj: Any
    [obj] = thing.model.objects.raw(f"SELECT id, title FROM {thing.model._meta.db_table}")
    obj.title = "Two"
    obj.save()


@way(CHANGING)
def in_bulk(thing: Any) -> None:
    obj = thing.objects.in_bulk()[thing.stored.pk]
    obj.title = "Two"
    obj.save()


@way(CHANGING)
def selected_for_update(thing: Any) -> None:
    with transaction.atomic():
        obj = thing.objects.select_for_update(of=("self",)).get()
        obj.title = "Two"
        obj.save()


@way(CHANGING)
def selected_related(thing: Any) -> None:
    obj = thing.objects.select_related("owner", "tenant").prefetch_related("owner").get()
    obj.title = "Two"
    obj.save()


@way(CHANGING)
def iterated(thing: Any) -> None:
    for obj in thing.objects.iterator(chunk_size=1):
        obj.title = "Two"
        obj.save()


@way(CHANGING)
def refreshed(thing: Any) -> None:
    obj = thing.objects.only("pk").get()
    obj.refresh_from_db(fields=["title"], from_queryset=thing.objects.all())
    obj.title = "Two"
    obj.save()
    obj.refresh_from_db(from_queryset=thing.objects.all())
    assert obj.title == "Two"

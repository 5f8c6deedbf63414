"""Every form of column that Django documents is followed, shown alike by REST and pushed, and
written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import models
from django.test import override_settings

from permissions.audiences import registry
from permissions.checks import check_resources
from permissions.read import objects_of
from permissions.rendering import render
from realtime.models import Change
from tenants import opaque
from tests.announced import announced
from tests.formed.columns import CLASSES, GENERATED, KEYS, name_of
from tests.formed.forms import COLUMNS, UNWRITTEN, extended
from tests.keyed.place import installing
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def formed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with extended(django_db_blocker), installing(django_db_blocker, "formed"):
        yield


class Thing:
    """An object of a model that has all forms, and what is known of it."""

    def __init__(self, world: World, label: str) -> None:
        self.resource = registry.get(f"formed.{label}")
        self.model: Any = self.resource.model
        self.tenant = world.tenants["acme"]
        values = {name_of(form): column.one for form, column in COLUMNS.items()}
        place = {"tenant": self.tenant, "owner": world.user("owner"), "title": "One"}
        self.stored = self.model.objects.create(**place, **values)
        self.rest = world.rest("owner")
        self.url = f"/api/{label}/{opaque.encode(self.model, self.stored.pk)}/"
        self.known = Change.objects.latest("pk").pk

    @property
    def objects(self) -> Any:
        return self.model.objects.filter(tenant=self.tenant)

    def get(self) -> Any:
        """What REST answers, which is what is pushed."""
        answer = self.rest.get(self.url)
        pk = self.stored.pk
        obj = objects_of(self.resource, self.tenant.pk, [pk])[pk]
        pushed = render(self.resource, self.resource.audiences[0], obj, revision=0)
        assert pushed.body is not None
        assert (answer.status_code, answer.json()) == (200, json.loads(pushed.body))
        newest = Change.objects.filter(model=self.resource.label, object_id=pk).latest("pk")
        assert newest.version == pushed.version
        return answer.json()

    def changed(self) -> Any:
        """The fields that were written since this was asked last; None if nothing was."""
        mine = Change.objects.filter(model=self.resource.label, pk__gt=self.known)
        rows = list(mine.order_by("pk"))
        self.known = max([self.known, *(row.pk for row in rows)])
        return [row.fields for row in rows] if rows else None


@pytest.fixture(params=["plain", "live"])
def thing(request: Any, formed: None, world: World) -> Iterator[Thing]:
    with override_settings(ROOT_URLCONF="tests.formed.urls"):
        yield Thing(world, request.param)
    announced()


def by_save(thing: Thing, name: str, value: Any) -> None:
    setattr(thing.stored, name, value)
    thing.stored.save()


def by_save_of_it(thing: Thing, name: str, value: Any) -> None:
    obj = thing.objects.get()
    setattr(obj, name, value)
    obj.save(update_fields=[name])


def deferred(thing: Thing, name: str, value: Any) -> None:
    obj = thing.objects.only("pk").get()
    setattr(obj, name, value)
    obj.save()


def by_update(thing: Thing, name: str, value: Any) -> None:
    thing.objects.update(**{name: value})


def by_bulk_update(thing: Thing, name: str, value: Any) -> None:
    obj = thing.objects.get()
    setattr(obj, name, value)
    thing.objects.bulk_update([obj], [name])


WAYS: list[Callable[[Thing, str, Any], None]] = [
    by_save,
    by_update,
    by_save_of_it,
    by_bulk_update,
    deferred,
]


@pytest.mark.parametrize("form", COLUMNS)
def test_column_is_followed_and_shown_as_it_is_stored(thing: Thing, form: str) -> None:
    name, column = name_of(form), COLUMNS[form]
    shown = [thing.get()[name]]
    for number, write in enumerate(WAYS):
        write(thing, name, column.one if number % 2 else column.other)
        assert thing.changed() == [[name]], write
        shown.append(thing.get()[name])
    assert (shown[2::2], shown[1::2]) == (shown[2:3] * 2, shown[1:2] * 3)
    assert shown[1] != shown[2]
    thing.objects.get().save()
    thing.stored.refresh_from_db()
    thing.stored.save()
    assert thing.changed() is None
    if name not in UNWRITTEN:
        answer = thing.rest.patch(thing.url, {name: shown[2]}, format="json")
        assert (answer.status_code, answer.json()[name]) == (200, shown[2])
        assert thing.changed() == [[name]]


@pytest.mark.parametrize("form", GENERATED)
def test_computed_column_is_followed_with_what_it_is_computed_of(thing: Thing, form: str) -> None:
    name = name_of(form)
    assert thing.get()[name] == "one"
    for write, title in zip(WAYS, ("B", "C", "D", "E", "F"), strict=True):
        write(thing, "title", title)
        assert {name, "title"} <= {*thing.changed()[0]}
        assert thing.get()[name] == title.lower()


def test_no_check_refuses_them(formed: None) -> None:
    ours = [m for m in check_resources() if m.obj and "formed" in getattr(m.obj, "__module__", "")]
    assert ours == []


def test_each_class_of_column_is_tried() -> None:
    """What Django adds is missing here first."""
    tried = {form.partition(" ")[0] for form in (*COLUMNS, *GENERATED)}
    removed = {"CommaSeparatedIntegerField", "NullBooleanField"}
    assert CLASSES - tried - removed == {"Field"}, "it is abstract"
    assert all(hasattr(models, name) for name in KEYS)

"""Models of every class, with every manager and relation that Django documents, are followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.test import override_settings

from permissions.audiences import registry
from permissions.checks import check_resources
from tenants import opaque
from tests.announced import announced
from tests.client import connect, in_thread
from tests.keyed.place import installing, kinds
from tests.shaped import models as shapes_
from tests.test_forms import Thing
from tests.world import World

shapes: Any = shapes_
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def shaped(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with installing(django_db_blocker, "shaped"):
        yield


@pytest.fixture
def place(shaped: None, world: World) -> Iterator[World]:
    with override_settings(ROOT_URLCONF="tests.shaped.urls"):
        yield world
    announced()


class Shape(Thing):
    """An object of one of the models."""

    def __init__(self, world: World, model: Any) -> None:
        self.resource = registry.of(model)
        self.model, self.tenant, self.world = model, world.tenants["acme"], world
        where: dict[str, Any] = {"tenant": self.tenant}
        if model is shapes.Desk:
            where = {"office": shapes.Office.objects.create(tenant=self.tenant, code="hq")}
        owner = world.user("owner")
        if model._meta.get_field("owner").related_model is shapes.Person:
            owner = shapes.Person.objects.get(pk=owner.pk)
        self.stored = model(owner=owner, title="One", **where)
        self.stored.save()
        self.of(self.stored.pk)

    def of(self, pk: Any) -> Shape:
        """Ask for the object of this key."""
        self.rest = self.world.rest("owner")
        self.url = f"/api/{self.model._meta.model_name}/{opaque.encode(self.model, pk)}/"
        self.known = 0
        self.changed()
        return self

    @property
    def objects(self) -> Any:
        return models.QuerySet(self.model)


def test_no_check_refuses_them(shaped: None) -> None:
    ours = {str(model._meta.label) for model in shapes.DECLARED}
    found = [m for m in check_resources() if getattr(m.obj, "_meta", m.obj) in ours]
    assert found == []
    assert [m for m in check_resources() if "shaped" in f"{m.msg}{m.obj}"] == []


@pytest.mark.parametrize("model", shapes.DECLARED, ids=lambda model: model.__name__)
def test_each_is_followed_from_its_creation_to_its_end(place: World, model: Any) -> None:
    shape = Shape(place, model)
    assert shape.get()["title"] == "One"
    shape.stored.title = "Two"
    shape.stored.save()
    assert shape.changed() == [["title"]]
    assert shape.get()["title"] == "Two"
    obj = shape.objects.only("pk").get()
    obj.title = "Three"
    obj.save()
    shape.objects.update(title="Four")
    assert shape.changed() == [["title"], ["title"]]
    answer = shape.rest.patch(shape.url, {"title": "Two"}, format="json")
    assert (answer.status_code, answer.json()["title"]) == (200, "Two")
    assert shape.changed() == [["title"]]
    assert shape.get() == answer.json()
    listed = shape.rest.get(f"/api/{model._meta.model_name}/").json()["results"]
    assert listed == [answer.json()]
    assert shape.rest.delete(shape.url).status_code == 204
    assert shape.rest.get(shape.url).status_code == 404
    assert shape.objects.exists() == (model is shapes.Soft)


def test_parent_is_followed_whichever_of_both_is_written(place: World) -> None:
    child = shapes.Child(
        tenant=place.tenants["acme"], owner=place.user("owner"), title="One", more="a"
    )
    child.save()
    shape = object.__new__(Shape)
    shape.resource, shape.model, shape.world = registry.of(shapes.Parent), shapes.Parent, place
    shape.tenant, shape.stored = place.tenants["acme"], child.parent_ptr
    shape.of(child.pk)
    child.title = "Two"
    child.save()
    assert (shape.changed(), shape.get()["title"]) == ([["title"]], "Two")
    child.more = "b"
    child.save()
    assert shape.changed() is None
    shapes.Child.objects.update(title="Three", more="c")
    assert (shape.changed(), shape.get()["title"]) == ([["title"]], "Three")
    shapes.Parent.objects.filter(pk=child.pk).update(title="Four")
    child.refresh_from_db()
    child.save_base(raw=True)
    assert (shape.changed(), shape.get()["title"]) == ([["title"]], "Four")
    child.delete(keep_parents=True)
    assert shape.get()["title"] == "Four"
    shapes.Child(parent_ptr=shapes.Parent.objects.get(), more="d").save_base(raw=True)
    shapes.Child.objects.get().delete()
    assert shape.rest.get(shape.url).status_code == 404


def test_place_moves_with_what_its_office_inherits(place: World) -> None:
    shape = Shape(place, shapes.Desk)
    assert shape.get()["title"] == "One"
    shapes.Building.objects.update(tenant=place.tenants["globex"])
    assert shape.rest.get(shape.url).status_code == 404
    shapes.Office.objects.update(tenant=place.tenants["acme"])
    assert shape.get()["title"] == "One"


def test_what_goes_leaves_what_django_says_in_those_who_name_it(place: World) -> None:
    shape = Shape(place, shapes.Tagged)
    tag = shapes.Tag.objects.create(name="tag")
    shape.objects.update(nulled=tag, replaced=tag, defaulted=tag)
    assert shape.changed() == [["defaulted", "nulled", "replaced"]]
    tag.delete()
    names = {name for fields in shape.changed() for name in fields}
    assert names == {"defaulted", "nulled", "replaced"}
    assert shape.get()["title"] == "One"
    other = Shape(place, shapes.Shared).stored
    assert other.pk
    above = shapes.Tagged.objects.create(
        tenant=shape.tenant, owner=shape.stored.owner, title="Above"
    )
    shape.objects.filter(pk=shape.stored.pk).update(other=above)
    above.others_too.add(shape.stored)
    shapes.Tag.objects.create(name="of it", thing=above)
    above.delete()
    assert shape.rest.get(shape.url).status_code == 404
    assert not shapes.Tag.objects.exists()


def test_members_come_and_go_by_every_way_of_a_relation(place: World) -> None:
    shape = Shape(place, shapes.Shared)
    person: Any = shapes.Person.objects.get(pk=place.user("viewer").pk)
    shape.rest = place.rest("viewer")

    def sees() -> bool:
        return bool(shape.rest.get(shape.url).status_code == 200)

    members: Any = shape.stored.members
    members.add(person, through_defaults={"note": "x"})
    assert sees()
    members.remove(person)
    assert not sees()
    person.shared_with.set([shape.stored])
    assert sees()
    person.shared_with.clear()
    assert not sees()
    shapes.Share.objects.bulk_create(
        [shapes.Share(shared=shape.stored, member=person, by=place.user("owner"))]
    )
    assert sees()
    shapes.Share.objects.update(member=place.user("owner").pk)
    assert not sees()
    shapes.Share.objects.update(member=person)
    shapes.Share.objects.update(by=None, note="y")
    assert sees()
    shapes.Share.objects.all()._raw_delete("default")
    assert not sees()


def test_row_that_others_show_may_have_bytes_and_what_is_computed(place: World) -> None:
    shape = Shape(place, shapes.Tagged)
    tag = shapes.Tag.objects.create(name="a", seal=b"\x00\xff")
    shape.objects.update(nulled=tag)
    assert shape.get()["tag_name"] == "a"
    assert shape.changed() == [["nulled"]]
    for changed in ({"name": "b"}, {"seal": b"\xff"}, {"hint": "c"}):
        shapes.Tag.objects.update(**changed)
        announced()
        assert sorted(shape.changed()) == [["tag_hint"], ["tag_name"]]
    assert (shape.get()["tag_name"], shape.get()["tag_hint"]) == ("b", "C")


def test_order_that_an_owner_sets_is_noticed(place: World) -> None:
    one, other = (Shape(place, shapes.Kept) for _ in range(2))
    one.changed()
    owner: Any = place.user("owner")
    owner.set_kept_order([other.stored.pk, one.stored.pk])
    assert one.changed() == other.changed() == [["_order"], ["_order"]]


async def test_what_the_database_computes_hides_and_shows(place: World) -> None:
    """Whoever has it open loses it at once, and gets it back."""
    shape = await in_thread(Shape)(place, shapes.Computed)
    async with await in_thread(connect)(place, "owner") as socket:
        await socket.receive_until("WELCOME")
        await socket.send({"model": "shaped.computed", "window": "w"})
        await socket.settle()
        for title, kind in (("Hidden", "LEFT"), ("Two", "ENTERED")):
            await in_thread(shape.objects.update)(title=title)
            assert kind in kinds(await socket.settle())

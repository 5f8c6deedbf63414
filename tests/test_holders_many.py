"""Who is in a many-to-many holders' field has its audience, and loses it with the row."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from permissions import decision, grants
from permissions.ceiling import SYSTEM, AboveCeiling, Actor, acting
from permissions.grants import DefaultGrant
from permissions.listing import Ask, list_within
from permissions.review.hypotheses import Declaring
from permissions.review.predicting import predict
from permissions.subjects import Subject
from tests.client import SocketClient, connect, in_thread
from tests.keyed.place import PLAIN, Place, installed, keyed, kinds, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("owner", "editor", "viewer", "admin", "member", "both", "rival")


@pytest.fixture(params=PLAIN)
def place(request: Any, keyed: World) -> Place:
    return place_of(keyed, request.param)


@pytest.fixture
async def socket(place: Place) -> AsyncIterator[SocketClient]:
    """The viewer's."""
    async with await in_thread(connect)(place.world, "viewer") as found:
        await found.receive_until("WELCOME")
        yield found


def link(place: Place) -> Any:
    return place.model.members.through


async def test_member_gains_and_loses_by_whatever_write(place: Place, socket: SocketClient) -> None:
    obj, viewer = await in_thread(place.create)(1), place.world.user("viewer")
    id, label = place.id(obj), place.resource.label
    await socket.send({"model": label, "window": "w"})
    assert kinds(await socket.settle()) == ["SUBSCRIBED"]
    await in_thread(obj.members.add)(viewer)
    [frame] = await socket.settle()
    assert (frame["type"], frame["id"], frame["audience"]) == ("ENTERED", id, "looker")
    await in_thread(obj.members.clear)()
    assert kinds(await socket.settle()) == ["LEFT"]
    await in_thread(obj.members.set)([viewer])
    assert kinds(await socket.settle()) == ["ENTERED"]
    other = await in_thread(place.create)(2)
    table, column = link(place)._meta.db_table, place.model._meta.model_name
    key = place.model._meta.pk.get_db_prep_value
    await in_thread(place.raw)(f'UPDATE "{table}" SET {column}_id = %s', key(other.pk, connection))
    assert {f["type"] for f in await socket.settle()} == {"LEFT", "ENTERED"}
    await in_thread(place.raw)(f'DELETE FROM "{table}"')
    assert kinds(await socket.settle()) == ["LEFT"]
    await in_thread(place.raw)("UPDATE {table} SET title = 'Canary'")
    assert await socket.settle() == []


async def test_it_is_explained_since_when_and_listed(place: Place, socket: SocketClient) -> None:
    world, label = place.world, place.resource.label
    obj = await in_thread(place.create)(1)
    await in_thread(obj.members.add)(world.user("viewer"))
    id = place.id(obj)
    assert (await socket.subscribe(id, label))["audience"] == "looker"
    await socket.settle()

    def check() -> None:
        admin, about = world.rest("admin"), {"model": label, "id": id}
        whom = {"user": world.user_id("viewer")}
        explained = admin.get("/api/review/explain/", about | whom).json()
        assert explained["audience"] == "looker"
        assert explained["how"] == "the object's members is this user"
        assert explained["since"] is not None
        [saw] = admin.get("/api/review/who-saw/", about).json()["results"]
        assert saw["how"] == "the object's members was this user"
        listed = world.rest("owner").get(f"{place.url}{id}/grants/").json()["results"]
        assert [(row["name"], row["audience"], row["default"]) for row in listed] == [
            ("owner", "keeper", True), ("viewer", "looker", True),
        ]  # fmt: skip

    await in_thread(check)()


def test_membership_is_a_default_that_a_grant_cannot_take(place: Place) -> None:
    obj = place.create(1)
    obj.members.add(place.world.user("viewer"))
    whom = Subject(user_id=place.world.user("viewer").pk)
    with pytest.raises(DefaultGrant):
        grants.take(place.resource, obj, whom, actor=SYSTEM)


def test_all_ways_agree_with_has_perm_whatever_is_mixed(place: Place) -> None:
    """Decision, list, prediction and `has_perm` say of random facts what these say by hand."""
    world, resource, dice = place.world, place.resource, random.Random(7)
    users = [world.user(name) for name in PEOPLE]
    expected: dict[tuple[int, Any], str | None] = {}
    for number in range(12):
        owner = dice.choice(users)
        tenant = world.tenants[dice.choice(("acme", "acme", "globex"))]
        obj = place.create(number, owner.username, tenant=tenant)
        members = dice.sample(users, 2)
        obj.members.set(members)
        granted = dice.sample(users, 2)
        for user, audience in zip(granted, ("keeper", "looker"), strict=True):
            grants._create(resource, [(obj, Subject(user_id=user.pk), resource.declared(audience))])
        for user in users:
            here = tenant.memberships.filter(user=user).exists()
            keeps = user in (owner, granted[0])
            sees = user in (*members, granted[1])
            named = "keeper" if keeps else "looker" if sees else None
            expected[user.pk, obj.pk] = named if here else None
            held = {p.permission for p in resource.audiences if user.has_perm(p.permission, obj)}
            first = resource.first(held)
            assert (first.name if first else None) == expected[user.pk, obj.pk]
    objects = {obj.pk: obj.tenant_id for obj in place.model.objects.all()}
    for tenant in world.tenants.values():
        mine = [(u, pk) for u, pk in expected if objects[pk] == tenant.pk]
        found = decision.audiences(resource, tenant.pk, mine)
        assert {pair: a.name if a else None for pair, a in found.items()} == {
            pair: expected[pair] for pair in mine
        }
        for user in users:
            if not tenant.memberships.filter(user=user).exists():
                continue
            shown = world.rest(user.username, tenant.slug).get(place.url).json()["rows"]
            assert {(row["id"], row["audience"]) for row in shown} == {
                (place.id(place.model(pk=pk)), expected[u, pk])
                for u, pk in mine
                if u == user.pk and expected[u, pk]
            }
    [nothing] = predict(
        world.tenants["acme"].pk, Declaring(resource, resource), resources=[resource]
    )
    assert nothing.pairs == 0


def test_filtered_list_shows_an_object_by_the_better_of_holders_columns(place: Place) -> None:
    """Here members come before owners; each object is listed once, and others' are not."""
    looker, keeper = reversed(place.resource.audiences)
    swapped = replace(place.resource, audiences=(looker, keeper), filters=("title",))
    viewer, tenant = place.world.user("viewer"), place.world.tenants["acme"]
    mine, ours = place.create(1, "viewer"), place.create(2, "viewer")
    ours.members.add(viewer)
    place.create(3).members.add(place.world.user("editor"))
    where = (("title", ("Title 1", "Title 2", "Title 3")),)
    [found] = list_within(swapped, tenant.pk, [Ask(viewer.pk, 9, where=where)])
    assert found == sorted([mine.pk, ours.pk], reverse=True)


@pytest.mark.each_case
@pytest.mark.parametrize("reverse", [False, True])
def test_naming_a_holder_is_weighed_as_a_grant(place: Place, reverse: bool) -> None:
    """An admin who does not manage the object names nobody; its owner does, whoever is asked."""
    obj, viewer = place.create(1), place.world.user("viewer")
    related = f"{place.model._meta.model_name}s"

    def name() -> None:
        (getattr(viewer, related).add(obj) if reverse else obj.members.add(viewer))

    with pytest.raises(AboveCeiling), acting(Actor(place.world.user("admin").pk)):
        name()
    assert not obj.members.exists()
    with acting(Actor(place.world.user("owner").pk)):
        name()
        obj.members.clear()
    name()
    assert obj.members.exists()


def test_other_many_to_many_fields_are_nobodys_gift(place: Place) -> None:
    group = Group.objects.create(name="crowd")
    with acting(Actor(place.world.user("viewer").pk)):
        group.user_set.add(place.world.user("viewer"))
    assert group.user_set.exists()

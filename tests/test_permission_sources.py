"""Grants that stand where guardian keeps them, in whatever tables, are read, followed and told."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from guardian.core import ObjectPermissionChecker
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm

from permissions import decision, grants
from permissions.audiences import registry
from permissions.ceiling import SYSTEM
from permissions.ownership_transfer import on_membership_ending
from permissions.review.hypotheses import Declaring
from permissions.review.predicting import predict
from permissions.sources import Direct, Generic
from permissions.subjects import Subject
from realtime.capture.interval_models import Held
from tenants.members import StillHolds
from tenants.models import Membership
from tenants.roles import role_group
from tests.client import SocketClient, connect, in_thread
from tests.keyed.place import Place, captured, emptied, installed, keyed, kinds, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("owner", "editor", "viewer", "admin", "member", "both", "rival")
MIXED = (Direct(), Generic())


@pytest.fixture(scope="module")
def declared(request: Any, installed: None, django_db_blocker: Any) -> Iterator[str]:
    """The name of a model without tables of its own, or of one whose declaration names both
    sources, as long as tests ask for it."""
    name = getattr(request, "param", "sheet")
    before = registry.get(f"keyed.{name}")
    with pytest.MonkeyPatch.context() as patch:
        if name != "sheet":
            from tests.keyed.urls import router

            mixed = registry.register(replace(before, sources=MIXED))
            [viewset] = [each for prefix, each, _ in router.registry if prefix == name]
            patch.setattr(viewset, "resource", mixed)
            with emptied(django_db_blocker):
                captured()
        yield name
    if name != "sheet":
        registry.register(before)
        with emptied(django_db_blocker):
            captured()


@pytest.fixture
def place(declared: str, keyed: World) -> Iterator[Place]:
    """What this model is in the world."""
    yield place_of(keyed, declared)
    for table in (UserObjectPermission, GroupObjectPermission):
        table.objects.all().delete()


@pytest.fixture
def renamed(place: Place) -> Iterator[None]:
    """What a test renames is called as before."""
    yield
    Permission.objects.filter(codename="x").update(codename=code(place, "change"))


def of(*names: str) -> Any:
    """The models whose places a test is run in."""
    return pytest.mark.parametrize("declared", names, indirect=True, scope="module")


every = of("sheet", "paper", "folder")


@pytest.fixture
async def socket(place: Place) -> AsyncIterator[SocketClient]:
    """The viewer's."""
    async with await in_thread(connect)(place.world, "viewer") as found:
        await found.receive_until("WELCOME")
        yield found


def generic(place: Place, codename: str, obj: Any, pk: str = "", **whom: Any) -> Any:
    """A row as guardian writes it while the model has no tables of its own."""
    table: Any = UserObjectPermission if "user" in whom else GroupObjectPermission
    kind = ContentType.objects.get_for_model(place.model)
    permission = Permission.objects.get(content_type=kind, codename=codename)
    row = table(permission=permission, content_type=kind, object_pk=pk or str(obj.pk), **whom)
    return table.objects.bulk_create([row])[0]


def code(place: Place, verb: str) -> str:
    return f"{verb}_{place.model._meta.model_name}"


class Facts:
    """Random grants on an object, and what they give to whom."""

    def __init__(self, place: Place, dice: random.Random, crowd: Group, obj: Any) -> None:
        self.place, self.obj, self.crowd = place, obj, crowd
        self.role = role_group(obj.tenant_id, "member")
        people = dice.sample([place.world.user(name) for name in PEOPLE], 3)
        verbs = ("view", "change", "delete")
        self.given = [(dice.choice(verbs), whom) for whom in (crowd, self.role, *people)]
        for verb, whom in self.given:
            if place.resource.sources == MIXED and dice.random() < 0.5:
                assign_perm(code(place, verb), whom, obj)
            else:
                kind = "group" if isinstance(whom, Group) else "user"
                row: Any = {kind: whom}
                generic(place, code(place, verb), obj, **row)

    def to(self, user: Any) -> set[str]:
        """What the user and their group were granted."""
        mine = (user, self.crowd) if user in self.crowd.user_set.all() else (user,)
        return {code(self.place, verb) for verb, whom in self.given if whom in mine}

    def held_by(self, user: Any) -> set[str]:
        """The same, with what their role and the declaration give to active members."""
        member = Membership.objects.filter(tenant=self.obj.tenant_id, user=user).first()
        if member is None:
            return set()
        by_role = {code(self.place, verb) for verb, whom in self.given if whom == self.role}
        found = self.to(user) | (by_role if member.role == "member" else set())
        found |= {code(self.place, "change")} if user.pk == self.obj.owner_id else set()
        return found | ({code(self.place, "view")} if user in self.obj.members.all() else set())


@every
def test_every_way_says_what_guardian_says(place: Place) -> None:
    """Decision, single questions, list, prediction and `has_perm`, of random facts."""
    world, resource, dice = place.world, place.resource, random.Random(11)
    users = [world.user(name) for name in PEOPLE]
    crowd = Group.objects.create(name="crowd")
    crowd.user_set.set(dice.sample(users, 3))
    expected: dict[tuple[int, Any], str | None] = {}
    for number in range(8):
        tenant = world.tenants[dice.choice(("acme", "acme", "globex"))]
        obj = place.create(number, dice.choice(users).username, tenant=tenant)
        obj.members.set(dice.sample(users, 1))
        facts = Facts(place, dice, crowd, obj)
        for user in users:
            if resource.sources != MIXED:  # of two tables, guardian reads one
                assert set(ObjectPermissionChecker(user).get_perms(obj)) == facts.to(user)
            held = facts.held_by(user)
            said = {p for p in resource.permissions if user.has_perm(p, obj)}
            assert said == {*resource.permissions} & held
            first = resource.first(held)
            expected[user.pk, obj.pk] = first.name if first else None
    objects = {obj.pk: obj.tenant_id for obj in place.model.objects.all()}
    for tenant in world.tenants.values():
        mine = [pair for pair in expected if objects[pair[1]] == tenant.pk]
        found = decision.audiences(resource, tenant.pk, mine)
        names = {pair: audience.name if audience else None for pair, audience in found.items()}
        assert names == {pair: expected[pair] for pair in mine}
        for user in users:
            if tenant.memberships.filter(user=user).exists():
                shown = world.rest(user.username, tenant.slug).get(place.url).json()["rows"]
                wanted = [pair for pair in mine if pair[0] == user.pk and expected[pair]]
                assert {(row["id"], row["audience"]) for row in shown} == {
                    (place.id(place.model(pk=pk)), expected[u, pk]) for u, pk in wanted
                }
    [same] = predict(world.tenants["acme"].pk, Declaring(resource, resource), resources=[resource])
    assert same.pairs == 0


def watched(place: Place) -> tuple[Any, Any]:
    """An object, and the generic row that shows it to the viewer."""
    obj = place.create(1)
    return obj, generic(place, code(place, "view"), obj, user=place.world.user("viewer"))


@every
@pytest.mark.usefixtures("renamed")
async def test_rows_are_followed_whoever_writes_them(place: Place, socket: SocketClient) -> None:
    obj, _ = await in_thread(watched)(place)
    id, label = place.id(obj), place.resource.label
    assert (await socket.subscribe(id, label))["audience"] == "looker"
    await in_thread(UserObjectPermission.objects.all().delete)()
    assert kinds(await socket.settle()) == ["DELETE"]
    await in_thread(place.raw)("UPDATE {table} SET title = 'Canary'")
    assert await socket.settle() == []
    crowd = await in_thread(Group.objects.create)(name="crowd")
    await in_thread(crowd.user_set.add)(place.world.user("viewer"))
    await socket.send({"model": label, "window": "w"})
    assert kinds(await socket.settle()) == ["SUBSCRIBED"]
    given = await in_thread(generic)(place, code(place, "change"), obj, group=crowd)
    assert [f["audience"] for f in await socket.settle()] == ["keeper"]
    table = GroupObjectPermission._meta.db_table
    await in_thread(place.raw)(f"UPDATE {table} SET object_pk = 'none' WHERE id = %s", given.pk)
    assert kinds(await socket.settle()) == ["LEFT"]
    await in_thread(place.raw)(f"UPDATE {table} SET object_pk = %s", str(obj.pk))
    assert kinds(await socket.settle()) == ["ENTERED"]
    await in_thread(Permission.objects.filter(codename=code(place, "change")).update)(codename="x")
    assert kinds(await socket.settle()) == ["LEFT"]


def spans(place: Place) -> list[tuple[str, str, str]]:
    """The tenant, the beginning and the end of what the viewer holds."""
    whose = f"user:{place.world.user('viewer').pk}"
    held = Held.objects.filter(principal=whose, model=place.resource.label).order_by("pk")
    return list(held.values_list("tenant__slug", "began", "ended"))


@every
def test_intervals_are_those_of_the_row_and_of_its_object(place: Place) -> None:
    """No cascade takes a generic row: it ends and begins again with the object that it names."""
    obj, row = watched(place)
    assert spans(place) == [("acme", "granted", "")]
    globex = place.world.tenants["globex"]
    place.model.objects.filter(pk=obj.pk).update(tenant=globex)
    moved = [("acme", "granted", "object written"), ("globex", "object written", "")]
    assert spans(place) == moved
    place.raw("DELETE FROM {table}")
    assert spans(place)[1:] == [("globex", "object written", "object written")]
    place.create(1)
    assert spans(place)[2:] == [("acme", "object written", "")]
    row.delete()
    assert spans(place)[2:] == [("acme", "object written", "granted")]


@of("paper")
def test_direct_and_linked_intervals_go_with_their_object_too(place: Place) -> None:
    obj, viewer = place.create(1), place.world.user("viewer")
    obj.members.add(viewer)
    assign_perm(code(place, "change"), viewer, obj)
    place.model.objects.update(tenant=place.world.tenants["globex"])
    assert sorted(spans(place)) == [
        ("acme", "granted", "object written"),
        ("acme", "holder changed", "object written"),
        ("globex", "object written", ""),
        ("globex", "object written", ""),
    ]


def test_grants_are_written_where_guardian_reads_them(place: Place) -> None:
    world = place.world
    obj, whom = place.create(1), Subject(user_id=world.user("viewer").pk)
    place.grant(obj, "viewer")
    assert world.user("viewer").has_perm(code(place, "view"), obj)
    [row] = UserObjectPermission.objects.all()
    assert (row.object_pk, row.content_object) == (str(obj.pk), obj)
    assert [g.audience.name for g in grants.grants_of(place.resource, obj)] == ["keeper", "looker"]
    looker, keeper = (place.resource.declared(name) for name in ("looker", "keeper"))
    grants.put(place.resource, obj, Subject(role="member"), looker, actor=SYSTEM)
    assert GroupObjectPermission.objects.count() == 1
    grants.put(place.resource, obj, whom, keeper, actor=SYSTEM, purpose="nobody is told")
    [row] = UserObjectPermission.objects.all()
    assert row.permission.codename == code(place, "change")
    assert grants.take(place.resource, obj, whom, actor=SYSTEM)
    assert UserObjectPermission.objects.count() == 0


@of("folder")
def test_taking_takes_from_every_table(place: Place) -> None:
    obj, viewer = place.create(1), place.world.user("viewer")
    assign_perm(code(place, "view"), viewer, obj)
    generic(place, code(place, "change"), obj, user=viewer)
    place.revoke(obj, "viewer")
    pair = (viewer.pk, obj.pk)
    assert decision.audiences(place.resource, obj.tenant_id, [pair]) == {pair: None}


@every
def test_reader_is_told_how_and_since_when(place: Place) -> None:
    obj, _ = watched(place)
    world = place.world
    Membership.objects.filter(user=world.user("admin")).update(role="reviewer")
    about = {"model": place.resource.label, "id": place.id(obj), "user": world.user_id("viewer")}
    told = world.rest("admin").get("/api/review/explain/", about).json()
    assert (told["audience"], told["how"]) == ("looker", "a grant to them")
    assert told["since"] is not None


@every
def test_who_leaves_hands_on_what_they_alone_held_by_such_rows(place: Place) -> None:
    """And keeps none of them here; with nobody to take it over, they cannot leave."""
    obj, world = place.create(1), place.world
    place.model.objects.update(owner=None)
    generic(place, code(place, "change"), obj, user=world.user("viewer"))
    leaving, heir = (
        Membership.objects.get(user=world.user(name), tenant=obj.tenant)
        for name in ("viewer", "member")
    )
    with pytest.raises(StillHolds):
        on_membership_ending(leaving, None, leaving.user_id)
    on_membership_ending(leaving, heir, leaving.user_id)
    pairs = [(each.user_id, obj.pk) for each in (leaving, heir)]
    found = decision.audiences(place.resource, obj.tenant_id, pairs)
    assert [a and a.name for a in found.values()] == [None, "keeper"]

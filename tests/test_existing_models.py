"""Models that are not ours are followed as they are: no base class, no column, no manager."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from permissions.loading import load_keys
from permissions.models import ObjectVersion
from permissions.representation import ObjectKey
from permissions.stored import version_of
from realtime.capture import changes
from realtime.capture.interval_models import Held
from realtime.hub.repairs import repair_change
from realtime.models import Change
from tests.client import SocketClient, connect, in_thread
from tests.databases import only_on
from tests.keyed.place import PLAIN, Place, installed, keyed, kinds, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=PLAIN)
def place(request: Any, keyed: World) -> Place:
    return place_of(keyed, request.param)


@pytest.fixture
async def socket(place: Place) -> AsyncIterator[SocketClient]:
    """The viewer's."""
    async with await in_thread(connect)(place.world, "viewer") as found:
        await found.receive_until("WELCOME")
        yield found


async def watched(place: Place, socket: SocketClient, owner: str = "owner") -> Any:
    """An object that the viewer was granted, and subscribes."""
    obj = await in_thread(place.create)(1, owner)
    if owner != "viewer":
        await in_thread(place.grant)(obj, "viewer")
    assert "payload" in await socket.subscribe(place.id(obj), place.resource.label)
    return obj


async def test_each_change_comes_whoever_makes_it(place: Place, socket: SocketClient) -> None:
    obj = await watched(place, socket, "viewer")
    obj.title = "By save"
    await in_thread(obj.save)()
    await in_thread(place.raw)("UPDATE {table} SET title = 'By SQL', version = 'B'")
    await in_thread(place.model.objects.update)(title="By query set")
    frames = await socket.settle()
    assert [f["payload"]["title"] for f in frames][-1] == "By query set"
    assert {name for f in frames for name in f["changed"]} >= {"title", "loud"}
    await in_thread(place.raw)("UPDATE {table} SET title = title")
    assert await socket.settle() == []


async def test_row_that_was_there_before_counts_from_nothing(
    place: Place, socket: SocketClient
) -> None:
    obj = await in_thread(place.create)(1, "viewer")
    await in_thread(ObjectVersion.objects.all().delete)()
    assert "payload" in await socket.subscribe(place.id(obj), place.resource.label)
    await in_thread(place.raw)("UPDATE {table} SET title = 'One'")
    assert kinds(await socket.settle()) == ["UPDATE"]
    [known] = await in_thread(list)(ObjectVersion.objects.values_list("object_id", "version"))
    assert known == (obj.pk, 1)


async def test_softly_deleted_is_lost_and_comes_again(place: Place, socket: SocketClient) -> None:
    obj = await watched(place, socket)
    await in_thread(place.raw)("UPDATE {table} SET deleted_at = %s", timezone.now())
    assert kinds(await socket.settle()) == ["DELETE"]
    await in_thread(place.raw)("UPDATE {table} SET title = 'Canary'")
    assert await socket.settle() == []
    await in_thread(place.raw)("UPDATE {table} SET deleted_at = NULL")
    answer = await socket.subscribe(place.id(obj), place.resource.label)
    assert answer["payload"]["title"] == "Canary"


async def test_other_tenant_is_a_loss_here_and_a_gain_there(
    place: Place, socket: SocketClient
) -> None:
    world = place.world
    obj = await in_thread(place.create)(1, "both")
    await in_thread(place.grant)(obj, "viewer")
    assert "payload" in await socket.subscribe(place.id(obj), place.resource.label)
    async with await in_thread(connect)(world, "both", "globex") as there:
        await there.receive_until("WELCOME")
        await there.send({"model": place.resource.label, "window": "w"})
        assert kinds(await there.settle()) == ["SUBSCRIBED"]
        globex = world.tenants["globex"].pk
        await in_thread(place.raw)("UPDATE {table} SET tenant_id = %s", globex)
        assert kinds(await socket.settle()) == ["DELETE"]
        assert kinds(await there.come()) == ["ENTERED"]
        await in_thread(place.raw)("UPDATE {table} SET title = 'Canary'")
        assert await socket.settle() == []
        assert kinds(await there.come()) == ["UPDATE"]
    held = Held.objects.filter(model=place.resource.label, principal__startswith="user:")
    mine = held.filter(principal=f"user:{world.user('both').pk}").order_by("pk")
    rows = await in_thread(list)(mine.values_list("tenant__slug", "ended"))
    assert rows == [("acme", "tenant changed"), ("globex", "")]


async def test_other_key_is_another_object(place: Place, socket: SocketClient) -> None:
    obj = await watched(place, socket, "viewer")
    key = place.model._meta.get_field(place.model._meta.pk.name).get_db_prep_value
    other = place.key(7)
    await in_thread(place.raw)(
        f'UPDATE {{table}} SET "{place.model._meta.pk.column}" = %s', key(other, connection)
    )
    assert kinds(await socket.settle()) == ["DELETE"]
    assert (await socket.subscribe(place.id(obj), place.resource.label))["code"] == "not_found"
    moved = await in_thread(place.model.objects.get)()
    assert (await socket.subscribe(place.id(moved), place.resource.label))["audience"] == "keeper"
    known = await in_thread(list)(ObjectVersion.objects.values_list("object_id", flat=True))
    assert known == [other]


async def test_deleted_and_created_again_is_newer_than_it_ever_was(
    place: Place, socket: SocketClient
) -> None:
    obj = await watched(place, socket, "viewer")
    for number in range(3):
        await in_thread(place.raw)(f"UPDATE {{table}} SET title = '{number}'")
    await socket.settle()
    newest = (await in_thread(ObjectVersion.objects.get)()).version
    await in_thread(place.raw)("DELETE FROM {table}")
    assert kinds(await socket.settle()) == ["DELETE"]
    assert not await in_thread(ObjectVersion.objects.exists)()
    await in_thread(place.create)(1, "viewer")
    created = await in_thread(Change.objects.filter(model=place.resource.label).latest)("pk")
    assert (created.creation, created.version > newest) == (True, True)
    assert "payload" in await socket.subscribe(place.id(obj), place.resource.label)


def test_versions_beside_are_raised_with_what_the_objects_show(place: Place) -> None:
    """As publishers do when a row changed that an object shows, and repairs."""
    objects = [place.create(number) for number in range(3)]
    label, before = place.resource.label, dict(known())
    with transaction.atomic():
        some = [obj.pk for obj in objects[:2]]
        locked = changes.locked(place.model, pk__in=some)
        assert {pk: row["version"] for pk, row in locked.items()} == {pk: before[pk] for pk in some}
        changes.raise_versions(place.model, ["title"], locked)
    assert known() == [(o.pk, before[o.pk] + (o.pk in some)) for o in objects]
    raised = Change.objects.filter(model=label, creation=False).order_by("pk")
    assert [(row.object_id, row.version, row.fields) for row in raised] == [
        (pk, before[pk] + 1, ["title"]) for pk in some
    ]
    with transaction.atomic():
        changes.locked(place.model, pk=objects[2].pk)
        changes.renew(place.model, place.world.tenants["acme"].pk, objects[2].pk)
    newest = Change.objects.latest("pk").pk
    assert known()[2] == (objects[2].pk, newest)


def known() -> list[Any]:
    rows = ObjectVersion.objects.order_by("object_id")
    return list(rows.values_list("object_id", "version"))


@only_on("sqlite", "PostgreSQL stores no invalid UUID.")
def test_value_that_cannot_be_read_keeps_nothing_else_from_being_shown(place: Place) -> None:
    good, bad = place.create(1), place.create(2)
    place.raw("UPDATE {table} SET batch = 'never' WHERE title = 'Title 2'")
    acme = place.world.tenants["acme"].pk
    found = load_keys(place.resource, [acme], [good.pk, bad.pk], savepoint=True)
    assert {pk: version_of(obj) for pk, obj in found.items()} == dict(known())
    assert found[bad.pk].unreadable == {"batch"}


@pytest.mark.drifts
async def test_write_that_escaped_is_repaired(place: Place, socket: SocketClient) -> None:
    obj = await watched(place, socket, "viewer")
    label = place.resource.label
    key, acme = ObjectKey(label, obj.pk), place.world.tenants["acme"].pk
    [(_, version)] = await in_thread(known)()
    repaired = in_thread(repair_change)
    assert await repaired(acme, key, version, version)
    assert not await repaired(acme, key, version, version)
    assert await in_thread(known)() == [(obj.pk, version + 1)]


def test_rest_reads_and_writes_it(place: Place) -> None:
    client = place.world.rest("viewer")
    made = client.post(place.url, {"title": "New"}, format="json")
    assert (made.status_code, made.json()["loud"], made.json()["version"]) == (201, "NEW", "A")
    url, etag = f"{place.url}{made.json()['id']}/", made.headers["ETag"]
    changed = client.patch(url, {"title": "B"}, format="json", headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["title"]) == (200, "B")
    stale = client.patch(url, {"title": "C"}, format="json", headers={"If-Match": etag})
    assert stale.status_code == 412
    [row] = client.get(place.url).json()["results"]
    assert row == changed.json()
    assert client.delete(url).status_code == 204


UPSERTS = {
    "updated": {"update_conflicts": True, "update_fields": ["title"]},
    "ignored": {"ignore_conflicts": True},
}


@pytest.mark.parametrize("how", UPSERTS)
def test_version_goes_on_where_an_insert_finds_the_object_there(place: Place, how: str) -> None:
    obj = place.create(1)
    place.raw("UPDATE {table} SET title = 'Two'")
    [(key, version)] = known()
    again = place.model(pk=obj.pk, tenant=obj.tenant, owner=obj.owner, title="Three")
    options: Any = UPSERTS[how]
    if how == "updated":
        options = {**options, "unique_fields": [place.model._meta.pk.name]}
    place.model.objects.bulk_create([again], **options)
    assert known() == [(key, version + (how == "updated"))]

"""Whatever type a model's keys have, its objects are captured, pushed, listed and accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from permissions.audiences import registry
from realtime.audit.models import Access, Push
from realtime.capture.interval_models import Held
from realtime.models import Change
from tenants import opaque
from tests.client import SocketClient, connect, in_thread
from tests.keyed.place import KEYS, LIVE, Place, installed, keyed, kinds, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=LIVE)
def place(request: Any, keyed: World) -> Place:
    return place_of(keyed, request.param)


@pytest.fixture
async def socket(place: Place) -> AsyncIterator[SocketClient]:
    """The viewer's."""
    async with await in_thread(connect)(place.world, "viewer") as found:
        await found.receive_until("WELCOME")
        yield found


async def test_object_is_followed_from_its_grant_to_its_deletion_by_whoever(
    place: Place, socket: SocketClient
) -> None:
    obj = await in_thread(place.create)(1)
    id, label = place.id(obj), place.resource.label
    assert (await socket.subscribe(id, label))["code"] == "not_found"
    await in_thread(place.grant)(obj, "viewer")
    assert (await socket.subscribe(id, label))["payload"] == {"id": id, "title": "Title 1"}
    await in_thread(place.raw)("UPDATE {table} SET title = 'Moved'")
    assert [f.get("changed") for f in await socket.settle()] == [["title"]]
    await in_thread(place.grant)(obj, "viewer", "keeper")
    assert kinds(await socket.settle()) == ["AUDIENCE"]
    await in_thread(place.revoke)(obj, "viewer")
    assert kinds(await socket.settle()) == ["DELETE"]
    await in_thread(place.raw)("UPDATE {table} SET owner_id = %s", place.world.user("viewer").pk)
    assert (await socket.subscribe(id, label))["audience"] == "keeper"
    await in_thread(place.raw)("DELETE FROM {table}")
    assert kinds(await socket.settle()) == ["DELETE"]


def test_rest_reads_writes_and_lists_it_page_by_page(place: Place) -> None:
    world = place.world
    for number in range(5):
        place.grant(place.create(number), "viewer", "keeper" if number % 2 else "looker")
    mine = [place.id(place.create(number, "viewer")) for number in (5, 6)]
    client = world.rest("viewer")
    shown: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get(place.url, {"limit": "2", **after}).json()
        shown += [row["id"] for row in page["results"]]
        if not page["more"]:
            break
        after = {"after": page["cursor"]}
    assert shown == [opaque.encode(place.model, place.key(number)) for number in range(6, -1, -1)]
    etag = client.get(f"{place.url}{mine[0]}/").headers["ETag"]
    changed = client.patch(
        f"{place.url}{mine[0]}/", {"title": "New"}, format="json", headers={"If-Match": etag}
    )
    assert (changed.status_code, changed.json()["title"]) == (200, "New")
    assert [
        row["subject"] for row in client.get(f"{place.url}{mine[0]}/grants/").json()["results"]
    ] == [f"user:{world.user_id('viewer')}"]
    assert client.delete(f"{place.url}{mine[0]}/").status_code == 204
    assert client.get(f"{place.url}{mine[0]}/").status_code == 404


def test_id_of_another_model_or_spelling_is_not_found(place: Place) -> None:
    obj, client = place.create(1), place.world.rest("owner")
    id = place.id(obj)
    assert client.get(f"{place.url}{id}/").status_code == 200
    foreign = [
        opaque.encode(registry.get(f"keyed.{name}").model, key(1)) for name, key in KEYS.items()
    ]
    spelled_otherwise = [id + "a", id.swapcase(), id[:-1], str(obj.pk), f"t{obj.pk}"]
    tried = {*foreign, *spelled_otherwise} - {id}
    answers = [client.get(f"{place.url}{quote(each)}/").status_code for each in tried]
    assert answers == [404] * len(tried)


async def test_window_is_the_beginning_of_the_list(place: Place, socket: SocketClient) -> None:
    objects = [await in_thread(place.create)(number) for number in range(4)]
    for obj in objects:
        await in_thread(place.grant)(obj, "viewer")
    ids = [place.id(obj) for obj in objects]
    await socket.send({"model": place.resource.label, "window": "w", "limit": 2})
    frames = await socket.settle()
    assert [f["id"] for f in frames if f["type"] == "ENTERED"] == [ids[3], ids[2]]
    cursor = frames[-1]["cursor"]
    await in_thread(place.revoke)(objects[3], "viewer")
    frames = await socket.settle()
    assert [(f["type"], f["id"]) for f in frames] == [("LEFT", ids[3])]
    await socket.send(
        {"model": place.resource.label, "window": "below", "limit": 2, "after": cursor}
    )
    entered = [f["id"] for f in await socket.settle() if f["type"] == "ENTERED"]
    assert entered == [ids[1], ids[0]]
    newest = await in_thread(place.create)(9)
    await in_thread(place.grant)(newest, "viewer")
    [frame] = await socket.settle()
    assert (frame["type"], frame["id"], frame["before"]) == ("ENTERED", place.id(newest), ids[2])


async def test_ledger_and_review_name_it(place: Place, socket: SocketClient) -> None:
    world, label = place.world, place.resource.label
    obj = await in_thread(place.create)(1)
    await in_thread(place.grant)(obj, "viewer")
    id = place.id(obj)
    await socket.subscribe(id, label)
    await in_thread(place.raw)("UPDATE {table} SET title = 'Moved'")
    await socket.settle()

    def check() -> None:
        admin, about = world.rest("admin"), {"model": label, "id": id}
        accesses = admin.get("/api/ledger/accesses/", about).json()["results"]
        assert [(row["user"], row["id"]) for row in accesses] == [(world.user_id("viewer"), id)]
        pushes = admin.get("/api/ledger/pushes/", about).json()["results"]
        assert {(row["id"], row["audience"]) for row in pushes} == {(id, "keeper"), (id, "looker")}
        [saw] = admin.get("/api/review/who-saw/", about).json()["results"]
        assert (saw["id"], saw["how"]) == (id, "a grant to them")
        whom = {"user": world.user_id("viewer")}
        explained = admin.get("/api/review/explain/", about | whom).json()
        assert explained["audience"] == "looker"
        open_now = admin.get("/api/connections/").json()["results"]
        assert [s for row in open_now for s in row["subscriptions"]] == [
            {"model": label, "id": id, "audience": "looker"}
        ]
        for log in (Change, Access, Push):
            assert set(log.objects.filter(model=label).values_list("object_id", flat=True)) == {
                obj.pk
            }
        held = Held.objects.filter(model=label, object_id=obj.pk, ended_at=None)
        assert {row.source_id == obj.pk for row in held if "." in row.source} == {True}

    await in_thread(check)()

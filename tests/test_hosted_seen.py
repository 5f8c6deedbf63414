"""What members of the project's own organizations see, and may do, over sockets and REST."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework import serializers

from permissions.serializers import validate_within
from permissions.stored import placing
from tenants import opaque
from tenants.models import Membership, Tenant
from tests.client import SocketClient, in_thread
from tests.housed.place import (
    BEFORE,
    Bulb,
    Lamp,
    execute,
    house,
    housed,
    installed,
    person,
    standing,
)
from tests.housed.urls import LampBody
from tests.keyed.place import kinds
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_members_cannot_be_changed_past_the_rows(housed: World) -> None:
    boss = housed.rest("owner", "villa")
    worker = opaque.encode(
        Membership, Membership.objects.get(user=person("viewer"), tenant__slug="villa").pk
    )
    answers = [
        boss.post("/api/members/", {"username": "editor"}, format="json"),
        boss.patch(f"/api/members/{worker}/", {"role": "admin"}, format="json"),
        boss.delete(f"/api/members/{worker}/"),
        housed.rest("viewer", "villa").delete("/api/tenants/villa/"),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "kept_elsewhere")] * 4
    assert standing() == BEFORE
    assert housed.rest("admin").post("/api/members/", {"username": "rival"}).status_code == 201


async def lamp(owner: str = "owner", short: str = "villa") -> Any:
    return await in_thread(
        lambda: Lamp.objects.create(tenant=house(short), owner=person(owner), title="Lamp")
    )()


async def test_worker_sees_what_is_in_the_house_until_dismissed_in_sql(housed: World) -> None:
    obj, other = await lamp(), await lamp("rival", "hut")
    token = await in_thread(housed.token)("viewer")
    async with SocketClient(token, "villa") as socket:
        await socket.receive_until("WELCOME")
        id = opaque.encode(Lamp, obj.pk)
        assert (await socket.subscribe(id, "housed.lamp"))["audience"] == "looker"
        theirs = opaque.encode(Lamp, other.pk)
        assert (await socket.subscribe(theirs, "housed.lamp"))["code"] == "not_found"
        await in_thread(execute)("UPDATE housed_lamp SET title = 'Lit'")
        assert [f["payload"]["title"] for f in await socket.settle()] == ["Lit"]
        await in_thread(execute)("DELETE FROM housed_employment WHERE level = 1")
        assert await socket.receive_until_close() == 4403


@pytest.mark.parametrize("what", ["lamp", "bulb"])
async def test_what_is_moved_to_another_house_is_lost(housed: World, what: str) -> None:
    obj: Any = await lamp()
    if what == "bulb":
        obj = await in_thread(Bulb.objects.create)(lamp=obj, owner=await in_thread(person)("owner"))
    token = await in_thread(housed.token)("viewer")
    async with SocketClient(token, "villa") as socket:
        await socket.receive_until("WELCOME")
        await socket.subscribe(opaque.encode(type(obj), obj.pk), f"housed.{what}")
        hut = await in_thread(house)("hut")
        await in_thread(Lamp.objects.update)(tenant=hut)
        assert kinds(await socket.settle()) == ["DELETE"]


def test_rest_lists_and_makes_what_is_in_the_house(housed: World) -> None:
    made = housed.rest("owner", "villa").post("/api/lamp/", {"title": "New"}, format="json")
    assert made.status_code == 201, made.json()
    assert Lamp.objects.get().tenant == house()
    Lamp.objects.create(tenant=house("hut"), owner=person("rival"))
    listed = housed.rest("viewer", "villa").get("/api/lamp/").json()["results"]
    assert [each["id"] for each in listed] == [made.json()["id"]]
    assert person("owner").has_perm("housed.change_lamp", Lamp.objects.get(title="New"))
    assert not person("owner").has_perm("housed.view_lamp", Lamp.objects.get(title=""))


def test_body_cannot_name_another_house(housed: World) -> None:
    here, elsewhere = (Tenant.objects.get(slug=slug).pk for slug in ("villa", "hut"))
    assert placing(Lamp, here) == {"tenant_id": house().pk}
    assert placing(Bulb, here) == {}
    validate_within(LampBody(data={"title": "L", "tenant": house().pk}), here)
    with pytest.raises(serializers.ValidationError):
        validate_within(LampBody(data={"title": "L", "tenant": house().pk}), elsewhere)

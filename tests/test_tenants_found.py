"""A tenant is found by a path, whose rows move objects; or there is one, of which everybody is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from django.apps import apps
from django.db import connection
from rest_framework import serializers

from permissions import stored
from permissions.serializers import validate_within
from realtime.capture.installing import install
from realtime.capture.interval_models import Held
from realtime.capture.joining import SlugTaken
from resources.models import Document
from tenants.models import Membership, Tenant
from tenants.tenancy import EVERYBODY
from tests.client import SocketClient, connect, in_thread
from tests.keyed.models import Leaf
from tests.keyed.place import Place, installed, keyed, kinds, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def socket(keyed: World) -> AsyncIterator[SocketClient]:
    """The viewer's, in acme."""
    async with await in_thread(connect)(keyed, "viewer") as found:
        await found.receive_until("WELCOME")
        yield found


def made(name: str, **values: Any) -> Any:
    return apps.get_model("keyed", name)._base_manager.create(**values)


def shelf(place: Place, tenant: str = "acme") -> Any:
    return made("shelf", tenant=place.world.tenants[tenant])


def other(world: World) -> Any:
    return next(tenant for name, tenant in world.tenants.items() if name != "acme")


async def book(keyed: World, **values: Any) -> tuple[Place, Any]:
    place = place_of(keyed, "book")
    return place, await in_thread(place.create)(1, "viewer", **values)


MOVES = {
    "row": "UPDATE keyed_shelf SET tenant_id = %s",
    "object": "UPDATE keyed_book SET shelf_id = (SELECT id FROM keyed_shelf WHERE tenant_id = %s)",
    "nowhere": "UPDATE keyed_book SET shelf_id = NULL WHERE 0 <> %s",
}


@pytest.mark.parametrize("how", MOVES)
async def test_object_that_moves_to_another_tenant_is_lost_like_any(
    keyed: World, socket: SocketClient, how: str
) -> None:
    place = place_of(keyed, "book")
    here = await in_thread(shelf)(place)
    there = other(keyed)
    if how == "object":
        await in_thread(made)("shelf", tenant=there)
    _, obj = await book(keyed, shelf=here)
    assert (await socket.subscribe(place.id(obj), "keyed.book"))["audience"] == "keeper"
    await in_thread(place.raw)("UPDATE {table} SET title = 'Moved'")
    assert [f.get("changed") for f in await socket.settle()] == [["title"]]
    await in_thread(place.raw)(MOVES[how], there.pk)
    assert kinds(await socket.settle()) == ["DELETE"]
    assert (await socket.subscribe(place.id(obj), "keyed.book"))["code"] == "not_found"
    spans = [row async for row in Held.objects.filter(model="keyed.book").order_by("pk")]
    assert spans[0].ended == "tenant changed"
    assert spans[0].tenant_id == keyed.tenants["acme"].pk
    assert spans[-1].tenant_id == (None if how == "nowhere" else there.pk)


async def test_object_whose_key_is_its_holder_is_live(keyed: World, socket: SocketClient) -> None:
    place = place_of(keyed, "badge")
    here = await in_thread(shelf)(place)
    obj = await in_thread(made)("badge", owner=keyed.user("viewer"), shelf=here, title="Red")
    assert (await socket.subscribe(place.id(obj), "keyed.badge"))["payload"] == {
        "id": place.id(obj), "title": "Red",
    }  # fmt: skip
    await in_thread(place.raw)("UPDATE {table} SET title = 'Blue', _order = 7")
    assert [f["changed"] for f in await socket.settle()] == [["title"]]
    other = keyed.user("editor").pk
    await in_thread(place.raw)("UPDATE {table} SET owner_id = %s", other)
    assert kinds(await socket.settle()) == ["DELETE"]


async def test_path_of_two_steps_is_followed(keyed: World, socket: SocketClient) -> None:
    place = place_of(keyed, "leaf")
    board = await in_thread(made)("board", shelf=await in_thread(shelf)(place))
    obj = await in_thread(place.create)(1, "viewer", board=board)
    assert (await socket.subscribe(place.id(obj), "keyed.leaf"))["audience"] == "keeper"
    await in_thread(place.raw)("UPDATE keyed_shelf SET tenant_id = %s", other(keyed).pk)
    assert kinds(await socket.settle()) == ["DELETE"]


async def test_board_that_moves_takes_its_leaves(keyed: World, socket: SocketClient) -> None:
    place = place_of(keyed, "leaf")
    board = await in_thread(made)("board", shelf=await in_thread(shelf)(place))
    there = await in_thread(made)("shelf", tenant=other(keyed))
    obj = await in_thread(place.create)(1, "viewer", board=board)
    await socket.subscribe(place.id(obj), "keyed.leaf")
    await in_thread(place.raw)("UPDATE keyed_board SET shelf_id = %s", there.pk)
    assert kinds(await socket.settle()) == ["DELETE"]


def test_rest_reads_lists_and_writes_what_a_path_places_here(keyed: World) -> None:
    place = place_of(keyed, "book")
    here, there = shelf(place), shelf(place, other(keyed).slug)
    mine = place.create(1, "viewer", shelf=here)
    place.create(2, "viewer", shelf=there)
    place.create(3, "viewer")
    client = keyed.rest("viewer")
    listed = client.get(place.url).json()["results"]
    assert [each["id"] for each in listed] == [place.id(mine)]
    url = f"{place.url}{place.id(mine)}/"
    answer = client.patch(url, {"title": "New"}, format="json")
    assert (answer.status_code, answer.json()["title"]) == (200, "New")
    assert keyed.user("viewer").has_perm("keyed.change_book", mine)
    assert not keyed.user("viewer").has_perm("keyed.change_book", place.model.objects.get(pk=3))


class Board(serializers.ModelSerializer[Any]):
    """A body that names a board, or its key."""

    key = serializers.IntegerField(source="board_id", required=False)

    class Meta:
        model = Leaf
        fields = ("board", "key", "owner")
        extra_kwargs: ClassVar[dict[str, Any]] = {"board": {"required": False}}


@pytest.mark.parametrize("name", ["board", "key"])
def test_body_cannot_name_what_is_placed_in_another_tenant(keyed: World, name: str) -> None:
    place, acme = place_of(keyed, "leaf"), keyed.tenants["acme"].pk
    here, there = (
        made("board", shelf=shelf(place, slug)).pk for slug in ("acme", other(keyed).slug)
    )
    for owner in ({}, {"owner": keyed.user("viewer").pk}):
        validate_within(Board(data={name: here, **owner}), acme)
        with pytest.raises(serializers.ValidationError):
            validate_within(Board(data={name: there, **owner}), acme)
    assert stored.placing(place.model, acme) == {}
    assert stored.placing(Document, acme) == {"tenant_id": acme}


def test_users_are_members_of_the_one_tenant_whoever_makes_them(keyed: World) -> None:
    install()  # a test empties the tables
    one = Tenant.objects.get(slug=EVERYBODY)
    user = keyed.user("viewer")
    assert Membership.objects.filter(tenant=one, user=user, is_active=True).exists()
    new = type(user).objects.create_user("newcomer")
    assert Membership.objects.get(user=new).tenant == one
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM earshot_tenants_user WHERE username = 'newcomer'")
    assert not Membership.objects.filter(user_id=new.pk).exists()


def test_tenant_that_somebody_made_does_not_become_that_of_everybody(keyed: World) -> None:
    install()  # a test empties the tables
    one = Tenant.objects.filter(slug=EVERYBODY)
    one.update(of_everybody=False)
    with pytest.raises(SlugTaken, match="Give it another slug"):
        install()
    one.update(of_everybody=True)
    install()


async def test_object_without_a_tenant_is_live_with_no_tenant_named(keyed: World) -> None:
    place = place_of(keyed, "loose")
    await in_thread(install)()  # a test empties the tables
    obj = await in_thread(place.create)(1, "newcomer")
    token = await in_thread(keyed.token)("newcomer")
    async with SocketClient(token, tenant="") as socket:
        assert (await socket.receive_until("WELCOME"))["tenant"] == EVERYBODY
        assert (await socket.subscribe(place.id(obj), "keyed.loose"))["audience"] == "keeper"
        await in_thread(place.raw)("UPDATE {table} SET title = 'Moved'")
        assert [f.get("changed") for f in await socket.settle()] == [["title"]]
        await in_thread(place.raw)("DELETE FROM {table}")
        assert kinds(await socket.settle()) == ["DELETE"]

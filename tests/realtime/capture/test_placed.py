"""Whichever row of a path moves, all that is kept of the objects goes along with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from guardian.models import UserObjectPermission
from guardian.shortcuts import assign_perm

from permissions.audiences import registry
from permissions.sources import Direct, Generic
from realtime.capture.interval_models import Held
from tests.keyed.models import Board, Shelf
from tests.keyed.place import captured, installed, keyed, place_of
from tests.realtime.capture.kept import unkept
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


def stock(world: World, name: str) -> Any:
    """An object of the owner's, on which a user and a group have grants; a leaf has a member."""
    place, acme = place_of(world, name), world.tenants["acme"]
    shelf = Shelf.objects.create(tenant=acme)
    by = {"shelf": shelf} if name == "book" else {"board": Board.objects.create(shelf=shelf)}
    obj = place.create(1, **by)
    for whom in (world.user("viewer"), Group.objects.create(name="crowd")):
        assign_perm(f"view_{name}", whom, obj)
    if name == "leaf":
        obj.members.add(world.user("member"))
    return obj


def open_ones(obj: Any) -> list[str | None]:
    """The tenant of each interval that is open, by its source."""
    rows = Held.objects.filter(model=obj._meta.label_lower, ended_at=None)
    return list(rows.order_by("source").values_list("tenant__slug", flat=True))


MOVES = {
    "book shelf": "UPDATE keyed_shelf SET tenant_id = {globex} WHERE tenant_id = {acme}",
    "book": "UPDATE keyed_book SET shelf_id = {far}",
    "leaf shelf": "UPDATE keyed_shelf SET tenant_id = {globex} WHERE tenant_id = {acme}",
    "leaf board": "UPDATE keyed_board SET shelf_id = {far}",
}


@pytest.mark.parametrize("how", MOVES)
def test_holders_and_grants_go_on_in_the_other_tenant(keyed: World, how: str) -> None:
    acme, globex = keyed.tenants["acme"], keyed.tenants["globex"]
    obj = stock(keyed, how.partition(" ")[0])
    several = 4 if how.startswith("leaf") else 3
    assert open_ones(obj) == ["acme"] * several
    far = Shelf.objects.create(tenant=globex)
    sql = MOVES[how].format(acme=acme.pk, globex=globex.pk, far=far.pk)
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert open_ones(obj) == ["globex"] * several
    assert unkept() == []


@pytest.mark.parametrize("name", ["book", "leaf"])
def test_path_that_comes_after_its_objects_places_them_and_one_that_goes_leaves_them_nowhere(
    keyed: World, name: str
) -> None:
    """As where data are restored, in any order."""
    obj = stock(keyed, name)
    several = 4 if name == "leaf" else 3
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE saved AS SELECT * FROM keyed_shelf")
        cursor.execute("DELETE FROM keyed_shelf")
        assert open_ones(obj) == [None] * several
        assert unkept() == []
        cursor.execute("INSERT INTO keyed_shelf SELECT * FROM saved")
        cursor.execute("DROP TABLE saved")
    assert open_ones(obj) == ["acme"] * several
    assert unkept() == []


def test_generic_grants_go_along_too(keyed: World) -> None:
    before = registry.get("keyed.book")
    registry.register(replace(before, sources=(Direct(), Generic())))
    captured()
    try:
        obj, kind = stock(keyed, "book"), ContentType.objects.get_for_model(before.model)
        permission = Permission.objects.get(content_type=kind, codename="view_book")
        row = {"user": keyed.user("editor"), "permission": permission, "content_type": kind}
        UserObjectPermission.objects.create(object_pk=str(obj.pk), **row)
        Shelf.objects.update(tenant=keyed.tenants["globex"])
        assert open_ones(obj) == ["globex"] * 4
        assert unkept() == []
    finally:
        UserObjectPermission.objects.all().delete()
        registry.register(before)
        captured()

"""A path to a tenant leads over foreign keys, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from tenants.models import Membership, Tenant, User
from tenants.tenancy import NoTenant, along, leads, tenancy
from tests.keyed.models import Board, Book, Leaf, Loose, Shelf


def test_path_is_named_by_its_columns_and_read_from_any_row() -> None:
    found = tenancy(Leaf, "board__shelf__tenant")
    assert (found.columns, found.nullable) == (("board_id",), True)
    assert found.tables == ("keyed_board", "keyed_shelf")
    assert found.sql("NEW") == (
        '(SELECT p1."tenant_id" FROM "keyed_board" p0 JOIN "keyed_shelf" p1'
        ' ON p1."id" = p0."shelf_id" WHERE p0."id" = NEW."board_id")'
    )


def test_without_a_path_it_is_the_field_tenant_or_one_for_all() -> None:
    assert tenancy(Membership).sql("o") == 'o."tenant_id"'
    assert not tenancy(Membership).nullable
    assert tenancy(Loose).columns == ()
    assert "'everybody'" in tenancy(Loose).sql("o")


def test_foreign_key_of_another_name_is_a_path_of_one() -> None:
    class Lent(models.Model):
        house = models.ForeignKey(Tenant, models.CASCADE, null=True, related_name="+")

        class Meta:
            app_label = "keyed_tenancy"

    found = tenancy(Lent, "house")
    assert (found.sql("o"), found.nullable, found.columns) == ('o."house_id"', True, ("house_id",))
    assert found.expression(Lent).name == "house_id"


@pytest.mark.parametrize(
    ("model", "path", "name"),
    [(Book, "shelf", "shelf"), (Book, "nothing__tenant", "nothing"),
     (Book, "title__tenant", "title"), (Board, "shelf__id", "id")],
)  # fmt: skip
def test_path_that_leads_nowhere_is_refused(model: Any, path: str, name: str) -> None:
    with pytest.raises(NoTenant, match=f"{name!r} is no foreign key"):
        tenancy(model, path)


class Room(models.Model):
    """Whose it is, it says itself; a studio is one."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="+")

    class Meta:
        app_label = "keyed_tenancy"


class Studio(Room):
    class Meta:
        app_label = "keyed_tenancy"


class Seen(Studio):
    class Meta:
        app_label = "keyed_tenancy"
        proxy = True


class Easel(models.Model):
    room = models.OneToOneField(Seen, models.CASCADE, related_name="+")

    class Meta:
        app_label = "keyed_tenancy"


def test_path_leads_over_one_to_one_fields_and_proxies_to_what_a_parent_has() -> None:
    assert leads(Room, "tenant")
    found = tenancy(Easel, "room__tenant")
    assert found == tenancy(Easel, "room__room_ptr__tenant")
    assert (found.path, found.columns) == ("room__room_ptr__tenant", ("room_id",))
    assert [*along(Easel, found)] == [Seen, Room]
    assert found.sql("o") == (
        '(SELECT p1."tenant_id" FROM "keyed_tenancy_studio" p0 JOIN "keyed_tenancy_room" p1'
        ' ON p1."id" = p0."room_ptr_id" WHERE p0."room_ptr_id" = o."room_id")'
    )


def test_only_our_tenant_is_one() -> None:
    assert leads(Shelf, "tenant")
    assert not leads(User, "tenant")

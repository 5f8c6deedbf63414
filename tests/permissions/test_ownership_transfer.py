"""What a member holds when their membership ends, in any resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from permissions import grants, ownership_transfer
from permissions.audiences import Resource
from permissions.ceiling import SYSTEM, AboveCeiling
from permissions.subjects import Subject
from resources.models import Document, Profile
from tenants.members import StillHolds
from tests.tenants.places import place
from tests.world import World


def give(world: World, username: str, name: str, item: Any) -> None:
    from tests.permissions.shop.urls import ITEMS

    audience = ITEMS.declared(name)
    subject = Subject(user_id=world.user(username).pk)
    grants.put(ITEMS, item, subject, audience, actor=SYSTEM)


def end(world: World, username: str, heir: str | None = None) -> None:
    to = place(world, heir) if heir else None
    ownership_transfer.on_membership_ending(place(world, username), to, world.user("admin").pk)


@pytest.fixture
def kept(shop: World) -> World:
    """An item that names nobody, of which the editor is the only keeper; the viewer looks at it."""
    from tests.permissions.shop.models import Item

    item = Item.objects.create(tenant=shop.tenants["acme"])
    for username, name in (("editor", "keeper"), ("viewer", "looker")):
        give(shop, username, name, item)
    shop.item = item  # type: ignore[attr-defined]
    return shop


def held(world: World) -> set[tuple[str, str]]:
    from tests.permissions.shop.models import ItemUserGrant

    rows = ItemUserGrant.objects.values_list("user__username", "permission__codename")
    return set(rows)


def test_last_holder_by_a_grant_needs_an_heir_where_no_field_names_one(kept: World) -> None:
    with pytest.raises(StillHolds):
        end(kept, "editor")
    with pytest.raises(AboveCeiling):  # an admin who sees nothing of it
        end(kept, "editor", "viewer")
    give(kept, "admin", "looker", kept.item)  # type: ignore[attr-defined]
    end(kept, "editor", "viewer")
    mine = {("viewer", "change_item"), ("viewer", "view_item")}  # nothing is lost by it
    assert held(kept) == mine | {("admin", "view_item")}


def test_who_holds_beside_whom_a_field_names_needs_no_heir(kept: World) -> None:
    kept.item.owner = kept.user("owner")  # type: ignore[attr-defined]
    kept.item.save()  # type: ignore[attr-defined]
    end(kept, "editor")
    assert held(kept) == {("viewer", "view_item")}


def test_who_holds_what_a_role_holds_needs_no_heir(
    kept: World, declare: Callable[[Resource], Resource]
) -> None:
    from tests.permissions.shop.urls import ITEMS

    declare(replace(ITEMS, roles={"member": "keeper"}))
    end(kept, "editor")
    assert held(kept) == {("viewer", "view_item")}


def test_what_belongs_to_a_membership_is_told_by_its_keys() -> None:
    assert ownership_transfer.belongs_to_membership(Profile)
    assert not ownership_transfer.belongs_to_membership(Document)

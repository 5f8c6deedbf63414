"""Members who leave a tenant by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from resources.models import Profile
from tenants.models import Membership, Role
from tests.client import in_thread, subscribed
from tests.tenants.places import (
    at_once,
    decline,
    make_admin,
    mine,
    place,
    standing,
)
from tests.world import World


def test_member_leaves_one_tenant_and_stays_in_the_other(world: World) -> None:
    assert decline(world, "both").status_code == 204
    assert "both" not in standing(world)
    assert mine(world, "both") == [("globex", "member", "active")]
    assert world.rest("both", "").get("/api/me/").json()["tenant"] == "globex"
    assert not Profile.objects.filter(tenant=world.tenants["acme"], user=world.user("both"))


def test_who_owns_something_does_not_leave_until_it_is_anothers(world: World) -> None:
    answer = decline(world, "owner")
    assert (answer.status_code, answer.json()["code"]) == (409, "still_holds")
    assert standing(world)["owner"] == ("member", True)
    world.write(owner=world.user("editor"))
    assert decline(world, "owner").status_code == 204


def test_what_somebody_owns_elsewhere_does_not_keep_them(world: World) -> None:
    world.create("globex", "both")
    assert decline(world, "both").status_code == 204


def test_last_admin_does_not_leave(world: World) -> None:
    answer = decline(world, "admin")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    make_admin(world, "viewer")
    assert decline(world, "admin").status_code == 204


def test_last_two_admins_who_leave_at_once_leave_one(world: World) -> None:
    make_admin(world, "member")
    clients = [world.rest("admin", ""), world.rest("member", "")]
    answers = at_once(*(lambda c=c: c.delete("/api/tenants/acme/") for c in clients))
    assert sorted(a.status_code for a in answers) == [204, 409]
    assert [role for role, _ in standing(world).values()].count(Role.ADMIN) == 1


@pytest.mark.parametrize("slug", ["globex", "unknown", "acme%00", "ACME"])
def test_nobody_leaves_where_they_are_not(world: World, slug: str) -> None:
    before = standing(world), standing(world, "globex")
    answer = world.rest("viewer", "").delete(f"/api/tenants/{slug}/")
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "Not found.", "code": "not_found"},
    )
    assert (standing(world), standing(world, "globex")) == before


def test_inactive_member_is_as_if_unknown(world: World) -> None:
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    assert decline(world, "viewer").status_code == 404
    assert standing(world)["viewer"] == ("member", False)


@pytest.mark.parametrize("method", ["get", "put", "patch", "post"])
def test_places_know_no_other_methods(world: World, method: str) -> None:
    answer: Any = getattr(world.rest("viewer", ""), method)("/api/tenants/acme/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_who_leaves_is_closed_with_4403_and_nobody_else_is(world: World) -> None:
    await in_thread(lambda: world.grant("both", "viewer"))()
    async with subscribed(world, "both") as both, subscribed(world, "viewer") as viewer:
        assert (await in_thread(decline)(world, "both")).status_code == 204
        assert (await both.settle())[-1] == {"close": 4403}
        assert await viewer.settle() == []

"""Members over REST: who is removed loses everything, and an heir gets what was theirs."""

from __future__ import annotations

from typing import Any

import pytest

from resources.models import DocumentUserGrant, Profile
from tenants import opaque
from tenants.models import Membership, User
from tests.tenants.places import MEMBERS, accept, place, standing, url
from tests.world import World


def test_removed_member_is_gone_with_profile_and_grants(world: World) -> None:
    world.grant("editor", "editor", world.create())
    assert world.rest("admin").delete(url(world, "editor")).status_code == 204
    assert "editor" not in standing(world)
    assert not Profile.objects.filter(tenant=world.tenants["acme"], user__username="editor")
    assert not DocumentUserGrant.objects.filter(user__username="editor").exists()
    world.rest("admin").post(MEMBERS, {"username": "editor"})
    accept(world, "editor")
    assert world.rest("editor").get(world.url).status_code == 404


def test_removal_leaves_the_other_tenant_alone(world: World) -> None:
    theirs = world.create("globex", "both")
    assert world.rest("admin").delete(url(world, "both")).status_code == 204
    assert len(world.rest("both", "globex").get("/api/documents/").json()["results"]) == 1
    theirs.refresh_from_db()
    assert theirs.owner == world.user("both")


def test_owner_is_not_removed_without_an_heir(world: World) -> None:
    for query in ("", "?transfer_to="):
        answer = world.rest("admin").delete(url(world, "owner") + query)
        assert (answer.status_code, answer.json()["code"]) == (409, "still_holds")
    assert standing(world)["owner"] == ("member", True)
    assert world.rest("owner").get(world.url)["X-Audience"] == "owner"


@pytest.mark.each_case
@pytest.mark.parametrize("heir", ["rival", "owner", "suspended", "asleep", "membership", "?", "\0"])
def test_heir_is_another_active_member(world: World, heir: str) -> None:
    Membership.objects.create(
        tenant=world.tenants["acme"], user=world.user("suspended"), is_active=False
    )
    Membership.objects.create(tenant=world.tenants["acme"], user=world.user("asleep"))
    User.objects.filter(username="asleep").update(is_active=False)
    known = {"membership": opaque.encode(Membership, place(world, "editor").pk), "?": "?"}
    text = known.get(heir) or ("%00" if heir == "\0" else world.user_id(heir))
    answer = world.rest("admin").delete(f"{url(world, 'owner')}?transfer_to={text}")
    assert (answer.status_code, answer.json()) == (
        400,
        {"transfer_to": ["No other active member has this id."]},
    )
    assert standing(world)["owner"] == ("member", True)


def test_heir_gets_what_the_removed_one_owned(world: World) -> None:
    other, foreign = world.create(), world.create("globex", "owner")
    path = f"{url(world, 'owner')}?transfer_to={world.user_id('viewer')}"
    assert world.rest("admin").delete(path).status_code == 204
    for document in (world.document, other):
        document.refresh_from_db()
        assert document.owner == world.user("viewer")
    assert world.rest("viewer").get(world.url)["X-Audience"] == "owner"
    assert not DocumentUserGrant.objects.filter(
        user=world.user("owner"), content_object__tenant=world.tenants["acme"]
    ).exists()
    foreign.refresh_from_db()
    assert foreign.owner == world.user("owner")


def test_heir_is_not_needed_for_what_another_owns_too(world: World) -> None:
    """Who owns by a grant is named by no field, and their going leaves the others."""
    world.grant("editor", "owner")
    assert world.rest("admin").delete(url(world, "editor")).status_code == 204


def test_removal_that_fails_leaves_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk")

    monkeypatch.setattr(Membership, "delete", fail)
    path = f"{url(world, 'owner')}?transfer_to={world.user_id('viewer')}"
    with pytest.raises(OSError, match="disk"):
        world.rest("admin").delete(path)
    world.document.refresh_from_db()
    assert world.document.owner == world.user("owner")
    assert world.rest("viewer").get(world.url)["X-Audience"] == "viewer"

"""Whoever changes their own role takes nothing by it that they gave the new role themselves."""

from __future__ import annotations

from typing import Any

import pytest

from resources.models import Document
from tenants import opaque
from tenants.models import Membership
from tests.permissions.shares import put, sees
from tests.tenants.places import url
from tests.world import World


@pytest.fixture
def two(world: World) -> World:
    """A world with a second admin, so that the first may go."""
    Membership.objects.create(tenant=world.tenants["acme"], user=world.user("second"), role="admin")
    return world


def demote(world: World, username: str, by: str) -> Any:
    return world.rest(by).patch(url(world, username), {"role": "member"})


def test_admin_does_not_give_a_role_more_and_then_take_the_role(two: World) -> None:
    assert put(two.rest("admin"), two, "role:member", "editor").status_code == 200
    answer = demote(two, "admin", by="admin")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "'member'" in answer.json()["detail"]
    assert sees(two, "admin") == "auditor"
    put(two.rest("admin"), two, "role:member", "auditor")
    assert demote(two, "admin", by="admin").status_code == 200
    assert sees(two, "admin") == "auditor"


def test_what_an_owner_gave_the_role_comes_with_it(two: World) -> None:
    put(two.rest("owner"), two, "role:member", "editor")
    assert demote(two, "admin", by="admin").status_code == 200
    assert sees(two, "admin") == "editor"


def test_admin_who_owns_the_object_takes_what_they_gave(two: World) -> None:
    two.grant("admin", "owner")
    put(two.rest("admin"), two, "role:member", "editor")
    assert demote(two, "admin", by="admin").status_code == 200


def test_another_admin_may_change_the_role_of_who_gave_to_it(two: World) -> None:
    put(two.rest("admin"), two, "role:member", "editor")
    assert demote(two, "admin", by="second").status_code == 200


def test_what_was_given_to_other_roles_and_in_other_tenants_does_not_count(two: World) -> None:
    foreign = two.create("globex", "both")
    Membership.objects.filter(user=two.user("both")).update(role="admin")
    client = two.rest("both", "globex")
    path = f"/api/documents/{opaque.encode(Document, foreign.pk)}/grants/role:member/"
    assert client.put(path, {"audience": "editor"}).status_code == 200
    put(two.rest("owner"), two, "both", "viewer")
    assert demote(two, "both", by="both").status_code == 200

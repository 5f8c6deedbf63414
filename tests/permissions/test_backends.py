"""`user.has_perm(…, obj)`: the decision, whatever other back ends would say."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, isolate_apps
from guardian.backends import ObjectPermissionBackend
from guardian.shortcuts import assign_perm

from permissions.backends import AudienceBackend
from resources.models import Document
from tenants.models import Membership, User
from tests.world import World

AUDIT, EDIT, OWN, VIEW = (
    f"resources.{name}_document" for name in ("audit", "change", "own", "view")
)


def fresh(place: World, name: str) -> Any:
    """Without what a back end keeps with a user."""
    return User.objects.get(pk=place.user(name).pk)


def holds(place: World, name: str) -> set[str]:
    user = fresh(place, name)
    return {perm for perm in (AUDIT, EDIT, OWN, VIEW) if user.has_perm(perm, place.document)}


def test_holders_and_roles_hold_what_is_declared(place: World) -> None:
    found = {name: holds(place, name) for name in ("owner", "editor", "admin", "member")}
    assert found == {"owner": {OWN}, "editor": {EDIT}, "admin": {AUDIT}, "member": set()}
    assign_perm("view_document", place.user("owner"), place.document)
    assert holds(place, "owner") == {OWN, VIEW}
    place.hand_over("member")
    assert (holds(place, "owner"), holds(place, "member")) == ({VIEW}, {OWN})


def test_grant_of_who_may_not_come_in_counts_nothing(place: World) -> None:
    """Guardian's back end, which comes after it, asks for no membership."""
    user = fresh(place, "editor")
    Membership.objects.filter(user=user).update(is_active=False)
    assert ObjectPermissionBackend().has_perm(user, EDIT, place.document)
    assert holds(place, "editor") == set()


def test_permission_is_asked_for_with_or_without_its_app(place: World) -> None:
    user = fresh(place, "owner")
    assert user.has_perm("own_document", place.document)
    assert not AudienceBackend().has_perm(user, "earshot_tenants.own_document", place.document)


def test_other_permissions_and_objects_are_other_back_ends_business(place: World) -> None:
    user = fresh(place, "viewer")
    backend = AudienceBackend()
    for perm, obj in [
        ("resources.delete_document", place.document),
        ("earshot_tenants.view_tenant", place.tenants["acme"]),
        (VIEW, None),
        (VIEW, "no object"),
    ]:
        assert backend.has_perm(user, perm, obj) is False
    assign_perm("delete_document", user, place.document)
    assert user.has_perm("resources.delete_document", place.document)


def test_all_that_somebody_holds_is_told(place: World) -> None:
    assign_perm("delete_document", place.user("owner"), place.document)
    backend = AudienceBackend()
    owner = fresh(place, "owner")
    assert backend.get_all_permissions(owner, place.document) == {OWN, "resources.delete_document"}
    assert backend.get_all_permissions(owner) == set()
    assert {OWN, "resources.delete_document"} <= owner.get_all_permissions(place.document)


@isolate_apps("resources")
def test_a_proxy_has_its_models_declaration(place: World) -> None:
    class Paper(Document):
        class Meta(Document.Meta):
            proxy = True
            app_label = "resources"

    paper = Paper.objects.get(tenant=place.tenants["acme"], pk=place.document.pk)
    assert fresh(place, "owner").has_perm(OWN, paper)


def test_question_costs_one_statement(place: World) -> None:
    user = fresh(place, "owner")
    with CaptureQueriesContext(connection) as captured:
        assert user.has_perm(OWN, place.document)
    assert len(captured) == 1


@pytest.mark.django_db(transaction=True)
async def test_coroutines_are_told_the_same(world: World) -> None:
    assert await world.user("owner").ahas_perm(OWN, world.document)
    assert not await world.user("viewer").ahas_perm(OWN, world.document)

"""Since when somebody holds what they hold now: of every way, from the database's intervals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import assign_perm, remove_perm

from permissions.audiences import Resource
from permissions.review.beginnings import Beginning
from permissions.review.explaining import Explanation, explain
from realtime.audit.beginnings import beginning
from realtime.capture.intervals import BEFORE
from realtime.models import Belongs, Held
from resources.audiences import DOCUMENTS, PROFILES
from tenants.models import Membership, User
from tenants.roles import role_group
from tests.world import World


def why(
    world: World, username: str, resource: Resource = DOCUMENTS, pk: int | None = None
) -> Explanation:
    user = User.objects.get(username=username)
    found = explain(resource, world.tenants["acme"], user, pk or world.document.pk)
    assert found is not None
    return found


def began(world: World, username: str) -> Beginning:
    found = why(world, username).beginning
    assert found is not None
    return found


def an_hour_passes() -> None:
    """So that what is written next begins later, however fast it is written."""
    for model in (Held, Belongs):
        model.objects.update(began_at=F("began_at") - timedelta(hours=1))


def member(world: World, username: str) -> Any:
    return Membership.objects.filter(tenant=world.tenants["acme"], user=world.user(username))


def belongs(world: World, username: str, principal: str) -> Belongs:
    """What the user is of now."""
    return Belongs.objects.get(user_id=world.user(username).pk, principal=principal, ended_at=None,
                               tenant=world.tenants["acme"])  # fmt: skip


def held(world: World, **which: Any) -> Held:
    """What is held of the document now."""
    return Held.objects.get(object_id=world.document.pk, model="resources.document",
                            ended_at=None, **which)  # fmt: skip


def test_former_owner_who_is_it_again_is_it_since_the_second_time(world: World) -> None:
    an_hour_passes()
    first = began(world, "owner")
    world.hand_over("editor")
    assert began(world, "editor").at == held(world, permission="own_document").began_at
    world.hand_over("owner")
    again = began(world, "owner")
    assert again == Beginning(held(world, permission="own_document").began_at, False, None)
    assert again.at > first.at


def test_role_that_was_given_again_is_theirs_since_then(world: World) -> None:
    member(world, "member").update(role="admin")
    an_hour_passes()
    first = began(world, "member")
    member(world, "member").update(role="member")
    assert why(world, "member").beginning is None
    member(world, "member").update(role="admin")
    again = began(world, "member")
    assert again == Beginning(belongs(world, "member", "role:admin").began_at, False, None)
    assert again.at > first.at


def test_member_who_was_deactivated_has_their_role_since_they_are_active(world: World) -> None:
    an_hour_passes()
    first = began(world, "admin")
    member(world, "admin").update(is_active=False)
    member(world, "admin").update(is_active=True)
    assert began(world, "admin").at == belongs(world, "admin", "role:admin").began_at > first.at


def test_role_that_is_declared_later_has_it_since_then(world: World) -> None:
    declared = Held.objects.filter(source="role", model="resources.document", ended_at=None)
    later = timezone.now() + timedelta(minutes=1)
    declared.update(began_at=later, began="declared")
    assert began(world, "admin") == Beginning(later, False, None)


def test_grant_by_a_script_has_a_beginning_and_no_giver(world: World) -> None:
    assign_perm("view_document", world.user("member"), world.document)
    an_hour_passes()
    first = began(world, "member")
    remove_perm("view_document", world.user("member"), world.document)
    assign_perm("view_document", world.user("member"), world.document)
    again = began(world, "member")
    mine = held(world, principal=f"user:{world.user('member').pk}")
    assert again == Beginning(mine.began_at, False, None)
    assert again.at > first.at


def test_grant_by_the_api_names_who_gave_it_though_they_are_gone(world: World) -> None:
    world.grant("both", "owner")
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    assert world.rest("both").put(url, {"audience": "viewer"}).status_code == 200
    giver = world.user("both").pk
    assert began(world, "member").given_by == giver
    User.objects.filter(pk=giver).delete()
    found = why(world, "member")
    assert found.way is not None
    assert found.way.granted_by is None
    assert began(world, "member").given_by == giver


def test_own_grant_of_a_holder_is_not_mistaken_for_their_column(world: World) -> None:
    owner = world.user("owner")
    assign_perm("own_document", owner, world.document)
    column = held(world, source="resources_document.owner_id")
    assert began(world, "owner").at == column.began_at
    world.hand_over("editor")
    granted = held(world, source="resources_documentusergrant", permission="own_document",
                   principal=f"user:{owner.pk}")  # fmt: skip
    assert began(world, "owner").at == granted.began_at


def test_grant_to_a_role_is_theirs_since_the_later_of_both(world: World) -> None:
    an_hour_passes()
    assign_perm("view_document", role_group(world.tenants["acme"].pk, "member"), world.document)
    an_hour_passes()
    granted = held(world, principal="role:member")
    assert began(world, "member") == Beginning(granted.began_at, False, None)
    member(world, "member").update(role="admin")
    member(world, "member").update(role="member")
    joined = belongs(world, "member", "role:member")
    assert began(world, "member").at == joined.began_at > granted.began_at


def test_grant_to_a_group_is_theirs_since_the_later_of_both(world: World) -> None:
    crowd, user = Group.objects.create(name="crowd"), world.user("member")
    assign_perm("change_document", crowd, world.document)
    an_hour_passes()
    crowd.user_set.add(user)
    an_hour_passes()
    joined = Belongs.objects.get(user_id=user.pk, principal=f"group:{crowd.pk}")
    granted = held(world, principal=f"group:{crowd.pk}")
    assert began(world, "member").at == joined.began_at > granted.began_at
    remove_perm("change_document", crowd, world.document)
    assign_perm("change_document", crowd, world.document)
    again = held(world, principal=f"group:{crowd.pk}")
    assert began(world, "member").at == again.began_at > joined.began_at


def test_renamed_group_has_its_grants_since_then(world: World) -> None:
    crowd = Group.objects.create(name="crowd")
    assign_perm("change_document", crowd, world.document)
    crowd.user_set.add(world.user("member"))
    an_hour_passes()
    first = began(world, "member")
    Group.objects.filter(pk=crowd.pk).update(name="crew")
    assert began(world, "member").at == held(world, principal=f"group:{crowd.pk}").began_at
    assert began(world, "member").at > first.at


def test_what_was_there_before_the_record_is_told_so(world: World) -> None:
    Held.objects.update(began=BEFORE)
    assert began(world, "viewer").before
    assert began(world, "owner").before
    assert not began(world, "admin").before  # they joined after that
    Belongs.objects.update(began=BEFORE)
    assert began(world, "admin").before


def test_of_two_beginnings_the_later_says_whether_it_was_before_the_record(world: World) -> None:
    Held.objects.filter(source="role").update(began_at=timezone.now() + timedelta(minutes=1))
    Held.objects.filter(source="role").update(began="declared")
    Belongs.objects.update(began=BEFORE)
    assert not began(world, "admin").before


def test_absent_interval_of_either_kind_is_not_recorded(world: World) -> None:
    Belongs.objects.all().delete()
    assert why(world, "admin").beginning is None
    assert why(world, "viewer").beginning is not None
    Held.objects.all().delete()
    assert {why(world, name).beginning for name in ("owner", "viewer", "admin")} == {None}


def test_another_tenant_s_role_and_another_user_s_grant_are_not_theirs(world: World) -> None:
    way = why(world, "admin").way
    assert way is not None
    globex, acme = world.tenants["globex"].pk, world.tenants["acme"].pk
    admin, pk = world.user("admin").pk, world.document.pk
    assert beginning(DOCUMENTS, globex, admin, pk, way) is None
    assert beginning(DOCUMENTS, acme, world.user("viewer").pk, pk, way) is None
    mine = why(world, "viewer").way
    assert mine is not None
    assert beginning(DOCUMENTS, acme, admin, pk, mine) is None
    assert beginning(DOCUMENTS, globex, world.user("viewer").pk, pk, mine) is None
    assert beginning(DOCUMENTS, acme, world.user("viewer").pk, pk + 1, mine) is None


def test_profiles_are_told_too(world: World) -> None:
    pk = world.profile("owner").pk
    own, others = (why(world, name, PROFILES, pk).beginning for name in ("owner", "viewer"))
    column = Held.objects.get(source="resources_profile.user_id", object_id=pk, ended_at=None)
    assert own == Beginning(column.began_at, False, None)
    assert others is not None
    assert others.at == belongs(world, "viewer", "role:member").began_at


@pytest.mark.parametrize(("username", "count"), [("owner", 1), ("viewer", 1), ("admin", 2)])
def test_it_costs_a_query_or_two_however_long_the_record(
    world: World, username: str, count: int
) -> None:
    for _ in range(3):
        world.hand_over("editor")
        world.hand_over("owner")
    way = why(world, username).way
    assert way is not None
    asked = (world.tenants["acme"].pk, world.user(username).pk, world.document.pk, way)
    with CaptureQueriesContext(connection) as queries:
        assert beginning(DOCUMENTS, *asked) is not None
    assert len(queries) == count

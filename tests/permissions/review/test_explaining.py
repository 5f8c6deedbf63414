"""Why somebody is in their audience, by which row, and why they are in none: as it is decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import assign_perm

from permissions import decision
from permissions.audiences import Resource
from permissions.read import read
from permissions.review.beginnings import Beginning
from permissions.review.explaining import Explanation, explain
from permissions.review.telling import as_json
from realtime.models import Held
from resources.audiences import DOCUMENTS, PROFILES
from tenants.models import Membership, Tenant, User
from tenants.roles import role_group
from tests.world import World

Declare = Callable[[Resource], Resource]


def why(world: World, username: str, resource: Resource = DOCUMENTS, pk: int = 0) -> Explanation:
    tenant = world.tenants["acme"]
    user = User.objects.get(username=username)
    found = explain(resource, tenant, user, pk or world.document.pk)
    assert found is not None
    return found


def member(world: World, username: str) -> Any:
    return Membership.objects.filter(tenant=world.tenants["acme"], user=world.user(username))


@pytest.mark.parametrize("username", ["owner", "editor", "viewer", "admin", "member", "both"])
def test_it_is_as_it_is_decided_and_read(world: World, username: str) -> None:
    found = why(world, username)
    pair = (world.user(username).pk, world.document.pk)
    decided = decision.audiences(DOCUMENTS, world.tenants["acme"].pk, [pair])[pair]
    assert found.audience == decided
    key = (pair[0], world.key)
    assert found.seen == read(world.tenants["acme"].pk, [key]).seen[key]
    assert (found.way is None) == (found.seen is None) == (decided is None)


@pytest.mark.parametrize(
    ("username", "how", "path", "default"),
    [
        ("owner", "the object's owner is this user", "user:", True),
        ("editor", "a grant to them", "user:", False),
        ("admin", "the role admin has it on every object", "role:admin", True),
    ],
)
def test_way_is_named(world: World, username: str, how: str, path: str, default: bool) -> None:
    found = as_json(why(world, username))
    assert (found["how"], found["default"]) == (how, default)
    assert found["path"].startswith(path)


def test_grant_is_told_with_who_gave_it_and_when(world: World) -> None:
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    before = timezone.now()
    assert world.rest("owner").put(url, {"audience": "viewer"}).status_code == 200
    way = why(world, "member").way
    assert way is not None
    assert (way.permission, way.table) == ("view_document", "resources.documentusergrant")
    assert way.granted_by == world.user("owner").pk
    assert way.granted_at is not None
    assert way.granted_at >= before


def test_time_of_an_own_grant_is_told_where_the_record_has_none(world: World) -> None:
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    assert world.rest("owner").put(url, {"audience": "viewer"}).status_code == 200
    Held.objects.update(began="before the record")
    for _ in ("that it was so before", "nothing"):
        found = why(world, "member")
        assert found.way is not None
        assert found.way.granted_at is not None
        owner = world.user("owner").pk
        assert found.beginning == Beginning(found.way.granted_at, False, owner)
        Held.objects.all().delete()


def test_grants_to_roles_and_groups_are_told_by_them(world: World) -> None:
    assign_perm("view_document", role_group(world.tenants["acme"].pk, "member"), world.document)
    other, mine = (Group.objects.create(name=name) for name in ("others", "reviewers"))
    assign_perm("change_document", other, world.document)
    assert as_json(why(world, "member"))["path"] == "role:member"
    assign_perm("change_document", mine, world.document)
    mine.user_set.add(world.user("member"))
    found = why(world, "member")
    assert found.way is not None
    assert (as_json(found)["path"], found.way.group) == ("group", "reviewers")
    assert "reviewers" not in json.dumps(as_json(found))
    # Who is in a role's group, and has not the role, has nothing by it.
    assert as_json(why(world, "admin"))["audience"] == "auditor"


def test_default_goes_before_a_grant_of_the_same(world: World) -> None:
    assign_perm("own_document", world.user("owner"), world.document)
    way = why(world, "owner").way
    assert way is not None
    assert way.default


def test_audiences_before_theirs_are_told_with_why_not(world: World) -> None:
    tried = {each.audience.name: each.why for each in why(world, "viewer").tried}
    assert tried == {
        "owner": "no grant of own_document reaches them; the object's owner is not this user",
        "editor": "no grant of change_document reaches them",
    }
    tried = {each.audience.name: each.why for each in why(world, "member").tried}
    assert tried["auditor"] == (
        "no grant of audit_document reaches them; their role is member, not admin"
    )
    assert list(tried) == ["owner", "editor", "viewer", "auditor"]


OBSTACLES: dict[str, tuple[Callable[[World], Any], str]] = {
    "suspended": (
        lambda w: Tenant.objects.filter(slug="acme").update(is_active=False),
        "the tenant is suspended",
    ),
    "deactivated user": (
        lambda w: User.objects.filter(username="viewer").update(is_active=False),
        "the user is deactivated",
    ),
    "no member": (
        lambda w: member(w, "viewer").delete(),
        "they are no member of the tenant",
    ),
    "deactivated member": (
        lambda w: member(w, "viewer").update(is_active=False),
        "their membership is deactivated",
    ),
    "invited": (
        lambda w: member(w, "viewer").update(is_active=False, invited_at=timezone.now()),
        "they have not accepted the invitation",
    ),
}


@pytest.mark.each_case
@pytest.mark.parametrize("what", OBSTACLES)
def test_what_keeps_somebody_from_everything_is_named(world: World, what: str) -> None:
    change, text = OBSTACLES[what]
    change(world)
    found = why(world, "viewer")
    assert (found.audience, found.obstacles) == (None, (text,))
    assert {each.why for each in found.tried} == {text}
    assert found.changes[0] == f"first, that it is no longer so: {text}"


def test_object_that_nobody_sees_is_said_without_its_value(world: World, declare: Declare) -> None:
    hidden = declare(replace(DOCUMENTS, visible_by={"due_on": None, "status": "published"}))
    found = why(world, "owner", hidden)
    assert found.obstacles == ("nobody sees the object, since its status is not 'published'",)
    assert "draft" not in json.dumps(as_json(found))


@pytest.mark.parametrize(
    ("change", "audience"),
    [
        ("to be the object's owner: owner", "owner"),
        ("a grant of change_document: editor", "editor"),
        ("the role admin: auditor", "auditor"),
    ],
)
def test_what_would_change_it_changes_it(world: World, change: str, audience: str) -> None:
    assert change in why(world, "member").changes
    if change.startswith("to be"):
        world.hand_over("member")
    elif change.startswith("the role"):
        member(world, "member").update(role="admin")
    else:
        world.grant("member", audience)
    found = why(world, "member")
    assert found.audience is not None
    assert (found.audience.name, found.changes) == (audience, ())


def test_superuser_is_told_that_it_gives_nothing(world: World) -> None:
    User.objects.filter(username="member").update(is_superuser=True, is_staff=True)
    assert why(world, "member").audience is None


def test_absent_and_foreign_objects_are_none(world: World) -> None:
    foreign = world.create("globex", "rival").pk
    for pk in (foreign, 10**6):
        assert explain(DOCUMENTS, world.tenants["acme"], world.user("owner"), pk) is None


def test_it_costs_a_few_queries(world: World) -> None:
    why(world, "viewer")
    with CaptureQueriesContext(connection) as captured:
        why(world, "viewer")
    statements = [each for each in captured if "SELECT" in each["sql"]]
    assert len(statements) <= 12


def test_its_queries_do_not_grow_with_the_grants_on_the_object(world: World) -> None:
    def queries() -> list[int]:
        found = []
        for name in ("owner", "viewer", "member"):
            with CaptureQueriesContext(connection) as captured:
                why(world, name)
            found.append(len(captured))
        return found

    queries()
    few = queries()
    for number in range(20):
        user = world.user(f"more{number}")
        assign_perm("view_document", user, world.document)
        group = Group.objects.create(name=f"group {number}")
        assign_perm("view_document", group, world.document)
        world.user("viewer").groups.add(group)
    assert queries() == few


def test_profiles_are_explained_too(world: World) -> None:
    found = why(world, "viewer", PROFILES, world.profile("owner").pk)
    assert found.audience is not None
    assert found.audience.name == "member"

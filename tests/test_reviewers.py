"""Reviewers read the ledger and the review, see what members see, and create and grant nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from realtime.audit.models import Access
from tenants.models import Membership
from tests.world import World

MEMBERS = "/api/members/"


@pytest.fixture
def reviewed(world: World) -> World:
    """Acme with a reviewer, and a live copy that its owner has of the document."""
    world.appoint("reviewer")
    Access.objects.create(
        tenant=world.tenants["acme"],
        user_id=world.user("owner").pk,
        model="resources.document",
        object_id=world.document.pk,
        audience="owner",
        began_at=timezone.now(),
        began="subscribed",
        process=1,
        connection="c",
    )
    return world


def code(world: World, method: str, path: str, body: Any = None, who: str = "reviewer") -> int:
    answer = getattr(world.rest(who), method)(path, body)
    return int(answer.status_code)


def test_admins_and_reviewers_read_the_review_and_nobody_else(reviewed: World) -> None:
    url = "/api/review/payloads/"
    codes = {who: code(reviewed, "get", url, who=who) for who in ("admin", "reviewer", "owner")}
    assert codes == {"admin": 200, "reviewer": 200, "owner": 403}
    body = reviewed.rest("reviewer").get(url).json()
    assert body["count"] == len(body["results"]) >= 2
    assert "resources.document" in [row["model"] for row in body["results"]]
    assert code(reviewed, "get", url + "?page=9") == 404
    answer = reviewed.rest("reviewer").get(url)
    assert answer["Cache-Control"] == "private, no-store"


def test_reviewer_is_told_users_of_the_ledger_by_name(reviewed: World) -> None:
    [row] = reviewed.rest("reviewer").get("/api/ledger/accesses/").json()["results"]
    assert row["user"] == reviewed.user_id("owner")
    assert row["name"] == reviewed.profile("owner").display_name
    assert "username" not in row
    [row] = reviewed.rest("admin").get("/api/ledger/accesses/").json()["results"]
    assert (row["username"], "name" in row) == ("owner", False)
    assert code(reviewed, "get", "/api/ledger/pushes/") == 200


def test_reviewer_sees_profiles_as_members_do(reviewed: World) -> None:
    rows = reviewed.rest("reviewer").get("/api/profiles/").json()["results"]
    own = {"id", "username", "display_name", "title", "bio", "email", "phone", "timezone"}
    shown = {frozenset(row) for row in rows}
    assert shown == {frozenset(own), frozenset({"id", "display_name", "title", "bio"})}


def test_reviewer_sees_no_object_that_is_not_shown_to_them(reviewed: World) -> None:
    assert reviewed.rest("reviewer").get("/api/documents/").json()["results"] == []
    assert code(reviewed, "get", reviewed.url) == 404
    reviewed.grant("reviewer", "viewer")
    answer = reviewed.rest("reviewer").get(reviewed.url)
    assert (answer.status_code, answer["X-Audience"]) == (200, "viewer")


def test_reviewer_creates_nothing(reviewed: World) -> None:
    assert code(reviewed, "post", "/api/documents/", {"title": "New"}) == 403
    assert code(reviewed, "post", "/api/documents/", {"title": 5}) == 403
    assert code(reviewed, "post", "/api/documents/", {"title": "New"}, who="member") == 201


def test_reviewer_grants_nothing_also_of_what_they_own(reviewed: World) -> None:
    Membership.objects.filter(user=reviewed.user("owner")).update(role="reviewer")
    grants = f"{reviewed.url}grants/"
    to_member = f"{grants}user:{reviewed.user_id('member')}/"
    assert code(reviewed, "get", grants, who="owner") == 403
    assert code(reviewed, "put", to_member, {"audience": "viewer"}, who="owner") == 403
    assert code(reviewed, "delete", f"{grants}role:admin/", who="owner") == 403
    assert code(reviewed, "patch", reviewed.url, {"title": "Mine"}, who="owner") == 200


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_nothing_is_granted_to_the_role(reviewed: World, who: str) -> None:
    subject = f"{reviewed.url}grants/role:reviewer/"
    assert code(reviewed, "put", subject, {"audience": "viewer"}, who=who) == 404
    assert code(reviewed, "delete", subject, who=who) == 404
    assert code(reviewed, "put", f"{reviewed.url}grants/role:none/", {"audience": "viewer"}) == 404


def test_reviewer_neither_sees_nor_changes_members_and_connections(reviewed: World) -> None:
    assert code(reviewed, "get", MEMBERS) == 403
    assert code(reviewed, "post", MEMBERS, {"username": "rival"}) == 403
    assert code(reviewed, "get", "/api/connections/") == 403


def test_admin_invites_and_appoints_reviewers(reviewed: World) -> None:
    answer = reviewed.rest("admin").post(MEMBERS, {"username": "rival", "role": "reviewer"})
    assert (answer.status_code, answer.json()["role"]) == (201, "reviewer")
    rows = reviewed.rest("admin").get(MEMBERS).json()["results"]
    [member] = [row["id"] for row in rows if row["username"] == "member"]
    assert code(reviewed, "patch", f"{MEMBERS}{member}/", {"role": "reviewer"}, who="admin") == 200
    assert reviewed.rest("member").get("/api/me/").json()["role"] == "reviewer"


def test_reviewer_is_no_admin_who_could_stay_behind(reviewed: World) -> None:
    rows = reviewed.rest("admin").get(MEMBERS).json()["results"]
    [admin] = [row["id"] for row in rows if row["username"] == "admin"]
    assert code(reviewed, "patch", f"{MEMBERS}{admin}/", {"role": "reviewer"}, who="admin") == 409


def test_database_knows_the_roles(reviewed: World) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.filter(user=reviewed.user("member")).update(role="auditor")

"""`GET /api/review/what-if/`: admins and reviewers ask, and are told no values."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from resources.models import Document
from tenants import opaque
from tenants.models import Membership
from tests.world import World

DOCUMENT = "resources.document"


def over_rest(world: World, who: str, change: str, **query: Any) -> Any:
    return world.rest(who).get("/api/review/what-if/", {"change": change, **query})


def test_admin_is_told_users_objects_and_fields_and_no_value(world: World) -> None:
    answer = over_rest(
        world, "admin", "grant", audience="owner", role="member", model=DOCUMENT, id=world.id
    )
    [row] = answer.json()
    assert (row["model"], row["users"], row["objects"]) == (DOCUMENT, 4, 1)
    moves = {move["before"]: move for move in row["moves"]}
    assert moves["editor"]["gained"] == ["budget"]
    assert {each["username"] for each in row["listed"]} == {"editor", "viewer", "member", "both"}
    assert {each["id"] for each in row["listed"]} == {world.id}
    assert b"10.00" not in answer.content
    assert b"Plan" not in answer.content


def test_reviewer_is_told_names_and_no_usernames(world: World) -> None:
    world.appoint("watcher")
    [documents, profiles] = over_rest(
        world, "watcher", "role", user=world.user_id("member"), role="admin"
    ).json()
    [each] = documents["listed"]
    assert (each["name"], each["after"]) == (world.profile("member").display_name, "auditor")
    assert "username" not in each
    assert (profiles["users"], profiles["moves"][0]["after"]) == (1, "admin")
    for who in ("owner", "member"):
        assert over_rest(world, who, "leave", user=world.user_id("member")).status_code == 403


def test_new_owner_and_wider_audience_are_asked_about(world: World) -> None:
    [row] = over_rest(
        world, "admin", "set", model=DOCUMENT, id=world.id, column="owner",
        value=world.user_id("editor"),
    ).json()  # fmt: skip
    assert {(m["before"], m["after"]) for m in row["moves"]} == {
        ("editor", "owner"),
        ("owner", None),
    }
    [row] = over_rest(
        world, "admin", "widen", model=DOCUMENT, audience="viewer", role="member"
    ).json()
    assert (row["users"], row["pairs"]) == (2, 2)


def test_foreign_and_absent_are_the_same_404(world: World) -> None:
    theirs = opaque.encode(Document, world.create("globex", "rival").pk)
    grant = {"audience": "viewer", "role": "member", "model": DOCUMENT}
    answers = [
        over_rest(world, "admin", "grant", **grant, id=id)
        for id in (theirs, opaque.encode(Document, 10**6), "nothing")
    ]
    answers += [
        over_rest(world, "admin", "join", user=user)
        for user in (world.user_id("rival"), "nobody", opaque.encode(type(world.user("x")), 10**6))
    ]
    owner = {"model": DOCUMENT, "id": world.id, "column": "owner"}
    answers.append(over_rest(world, "admin", "set", **owner, value=world.user_id("rival")))
    assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}


def test_only_admins_know_whom_the_tenant_has_invited(world: World) -> None:
    world.appoint("watcher")
    invited = Membership.objects.filter(tenant=world.tenants["acme"], user=world.user("both"))
    invited.update(is_active=False, invited_at=timezone.now())
    codes = {
        who: over_rest(world, who, "join", user=world.user_id("both")).status_code
        for who in ("admin", "watcher")
    }
    assert codes == {"admin": 200, "watcher": 404}


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"change": "?"}, "change"),
        ({"change": "leave"}, "user"),
        ({"change": "enter"}, "change"),
        ({"change": "grant", "model": DOCUMENT, "audience": "viewer"}, "id"),
        ({"change": "widen", "model": "a.b", "audience": "viewer"}, "model"),
        ({"change": "widen", "model": DOCUMENT, "audience": "king"}, "audience"),
        ({"change": "set", "model": DOCUMENT, "column": "title", "value": "x"}, "column"),
        ({"change": "set", "model": DOCUMENT, "column": "owner"}, "value"),
    ],
)
def test_what_is_missing_or_wrong_is_named(world: World, query: dict[str, str], name: str) -> None:
    if query["change"] == "set":
        query = query | {"id": world.id}
    answer = over_rest(world, "admin", **query)
    assert (answer.status_code, list(answer.json())) == (400, [name])

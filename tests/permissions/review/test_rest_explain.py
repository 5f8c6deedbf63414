"""`GET /api/review/explain/`: admins and reviewers are told why, and only their own values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from realtime.models import Held
from resources.models import Document
from tenants import opaque
from tenants.models import Membership
from tests.world import World


def over_rest(world: World, who: str, username: str, **query: Any) -> Any:
    asked = {"user": world.user_id(username), "model": "resources.document", "id": world.id}
    return world.rest(who).get("/api/review/explain/", asked | query)


def test_admin_is_told_only_values_of_their_own_fields(world: World) -> None:
    told = over_rest(world, "admin", "owner").json()
    assert (told["username"], told["audience"], told["permission"]) == (
        "owner",
        "owner",
        "own_document",
    )
    assert set(told["payload"]) == {"id", "title", "status", "owner_name"}
    assert told["payload"]["title"] == "Plan"
    assert set(told["hidden"]) == {"body", "updated_at", "review_notes", "due_on", "budget"}
    assert "10.00" not in over_rest(world, "admin", "owner").content.decode()


def test_reviewer_is_told_names_and_no_values(world: World) -> None:
    world.appoint("watcher")
    told = over_rest(world, "watcher", "editor").json()
    assert (told["payload"], told["audience"]) == ({}, "editor")
    assert told["hidden"][:3] == ["id", "title", "body"]
    assert told["name"] == world.profile("editor").display_name
    assert "username" not in told
    assert over_rest(world, "member", "editor").status_code == 403


def test_since_when_and_from_whom_is_told(world: World) -> None:
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    world.rest("owner").put(url, {"audience": "viewer"})
    told = over_rest(world, "admin", "member").json()
    mine = Held.objects.get(given_by=world.user("owner").pk)
    assert datetime.fromisoformat(told["since"]) == mine.began_at
    assert (told["since_before"], told["granted_by"]) == (False, world.user_id("owner"))
    Held.objects.update(began="before the record")
    told = over_rest(world, "admin", "owner").json()
    assert (told["since_before"], told["granted_by"]) == (True, None)
    told = over_rest(world, "admin", "both").json()
    assert (told["since"], told["since_before"], told["granted_by"]) == (None, None, None)


def test_somebody_without_access_is_told_what_would_change_it(world: World) -> None:
    told = over_rest(world, "admin", "member").json()
    assert (told["audience"], told["path"], told["etag"], told["payload"]) == (None, None, None, {})
    assert [each["audience"] for each in told["tried"]] == ["owner", "editor", "viewer", "auditor"]
    assert "the role admin: auditor" in told["changes"]


def test_unknown_foreign_and_invited_are_the_same_404(world: World) -> None:
    theirs = opaque.encode(Document, world.create("globex", "rival").pk)
    invited = Membership.objects.filter(tenant=world.tenants["acme"], user=world.user("both"))
    invited.update(is_active=False, invited_at=timezone.now())
    answers = [
        over_rest(world, "admin", "owner", **query)
        for query in (
            {"id": theirs},
            {"id": opaque.encode(Document, 10**6)},
            {"id": "nothing"},
            {"user": world.user_id("rival")},
            {"user": world.user_id("both")},
            {"user": "nobody"},
        )
    ]
    assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}


@pytest.mark.parametrize("name", ["user", "model", "id"])
def test_what_is_missing_is_named(world: World, name: str) -> None:
    for query in ({name: ""}, {name: "a.b"} if name == "model" else {name: ""}):
        answer = over_rest(world, "admin", "owner", **query)
        assert (answer.status_code, list(answer.json())) == (400, [name])

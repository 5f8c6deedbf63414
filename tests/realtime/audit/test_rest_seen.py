"""`GET /api/review/accesses/`, `who-saw/`, `seen-by/`: for admins and reviewers, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from realtime.audit import seen, seen_in_windows
from realtime.audit.viewings import Viewing
from realtime.models import Inquiry
from resources.models import Document
from tenants import opaque
from tenants.models import Membership, Role
from tests.realtime.audit.sight import had, hours, read, viewed
from tests.world import World


def who_saw(world: World, who: str = "admin", **query: Any) -> Any:
    asked = {"model": "resources.document", "id": world.id} | query
    return world.rest(who).get("/api/review/who-saw/", asked)


def seen_by(world: World, who: str = "admin", **query: Any) -> Any:
    asked = {"user": world.user_id("viewer")} | query
    return world.rest(who).get("/api/review/seen-by/", asked)


@pytest.fixture
def had_by_viewer(world: World) -> World:
    had(world, "owner", "owner", began_at=hours(3), ended_at=hours(2))
    had(world, "viewer", "viewer")
    return world


def test_admin_is_told_usernames_and_reviewer_names(had_by_viewer: World) -> None:
    world = had_by_viewer
    body = who_saw(world).json()
    assert (body["sockets_only"], body["next"]) == (True, None)
    assert [row["username"] for row in body["results"]] == ["owner", "viewer"]
    row = body["results"][1]
    assert (row["id"], row["audience"], row["until"]) == (world.id, "viewer", None)
    assert (row["how"], row["granted_by"]) == ("a grant to them", None)
    assert row["since"].endswith("Z")
    world.appoint("watcher")
    [row] = seen_by(world, "watcher").json()["results"]
    assert row["name"] == world.profile("viewer").display_name
    assert "username" not in row
    assert "Plan" not in who_saw(world, "watcher").content.decode()


def test_one_address_answers_both_questions_alike(had_by_viewer: World) -> None:
    world = had_by_viewer
    admin, address = world.rest("admin"), "/api/review/accesses/"
    of_object = {"model": "resources.document", "id": world.id}
    of_user = {"user": world.user_id("viewer")}
    assert admin.get(address, of_object).json() == who_saw(world).json()
    assert admin.get(address, of_user).json() == seen_by(world).json()
    narrowed = {**of_object, "until": hours(2.5).isoformat()}
    assert [row["username"] for row in admin.get(address, narrowed).json()["results"]] == ["owner"]
    assert sorted(Inquiry.objects.values_list("what", flat=True)) == [
        "seen-by", "seen-by", "who-saw", "who-saw", "who-saw",
    ]  # fmt: skip
    lines = admin.get(address, of_user, HTTP_ACCEPT="text/csv")
    assert lines["Content-Type"].startswith("text/csv")
    assert world.rest("member").get(address, of_user).status_code == 403


def test_question_about_both_or_neither_names_the_parameters(world: World) -> None:
    admin, address = world.rest("admin"), "/api/review/accesses/"
    user = world.user_id("viewer")
    for asked, names in (
        ({}, {"model", "id"}),
        ({"model": "resources.document"}, {"id"}),
        ({"user": user, "model": "resources.document", "id": world.id}, {"model", "id"}),
        ({"user": user, "etag": "x", "field": "title"}, {"etag", "field"}),
    ):
        answer = admin.get(address, asked)
        assert (answer.status_code, set(answer.json())) == (400, names)


def test_reads_are_in_it_where_they_are_recorded(had_by_viewer: World) -> None:
    world = had_by_viewer
    read(world, "editor", "editor", hours(1))
    body = who_saw(world).json()
    assert body["sockets_only"] is False
    assert [row["over"] for row in body["results"]] == ["socket", "rest", "socket"]
    assert [row["since_before"] for row in body["results"]] == [None, None, False]
    assert seen_by(world).json()["sockets_only"] is False


def test_members_are_refused(had_by_viewer: World) -> None:
    for who in ("owner", "member"):
        assert who_saw(had_by_viewer, who).status_code == 403
        assert seen_by(had_by_viewer, who).status_code == 403


def test_field_etag_and_span_narrow(had_by_viewer: World) -> None:
    assert len(who_saw(had_by_viewer, field="budget").json()["results"]) == 1
    assert who_saw(had_by_viewer, etag="none").json()["results"] == []
    assert len(who_saw(had_by_viewer, since=hours(1).isoformat()).json()["results"]) == 1
    assert len(seen_by(had_by_viewer, until=hours(1).isoformat()).json()["results"]) == 0


def test_foreign_and_absent_find_nothing(had_by_viewer: World) -> None:
    theirs = opaque.encode(Document, had_by_viewer.create("globex", "rival").pk)
    absent = opaque.encode(Document, 10**6)
    answers = [who_saw(had_by_viewer, id=id) for id in (theirs, absent, "nothing")]
    answers += [seen_by(had_by_viewer, user=id) for id in (had_by_viewer.user_id("rival"), "x")]
    assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}
    assert answers[0].json()["results"] == []


def test_what_is_wrong_is_named(had_by_viewer: World) -> None:
    for name, value in (
        ("model", "a.b"), ("field", "nothing"), ("since", "x"), ("cursor", "x"), ("id", ""),
    ):  # fmt: skip
        answer = who_saw(had_by_viewer, **{name: value})
        assert (answer.status_code, list(answer.json())) == (400, [name])
    now = timezone.now().isoformat()
    answer = seen_by(had_by_viewer, since=now, until=hours(1).isoformat())
    assert answer.json() == {"until": ["The span ends before it begins."]}


def test_cursor_goes_on_with_its_own_question_only(
    had_by_viewer: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would read on in another tenant's windows, or what is not recorded as asked."""
    world = had_by_viewer
    monkeypatch.setattr(seen, "BATCH", 1)
    cursor = who_saw(world).json()["next"]
    Membership.objects.create(
        tenant=world.tenants["globex"], user=world.user("admin"), role=Role.ADMIN
    )
    abroad = world.rest("admin", "globex").get(
        "/api/review/who-saw/", {"model": "resources.document", "id": world.id, "cursor": cursor}
    )
    world.appoint("watcher")
    asked = [
        who_saw(world, field="budget", cursor=cursor),
        who_saw(world, since=hours(9).isoformat(), cursor=cursor),
        who_saw(world, "watcher", cursor=cursor),
        seen_by(world, cursor=cursor),
        abroad,
    ]
    assert [answer.status_code for answer in asked] == [400] * 5
    assert asked[0].json() == {"cursor": ["Must be the `next` of a page of the same question."]}
    assert who_saw(world, cursor=cursor).status_code == 200


def test_window_that_was_pruned_between_two_pages_is_passed_over(
    had_by_viewer: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = had_by_viewer
    monkeypatch.setattr(seen_in_windows, "BATCH", 1)
    for started in (9, 8):
        viewed(world, "viewer", began_at=hours(started))
    body = seen_by(world).json()
    assert sorted(row["over"] for row in body["results"]) == ["socket", "window"]
    Viewing.objects.order_by("began_at")[0].delete()
    following = seen_by(world, cursor=body["next"]).json()
    assert [row["over"] for row in following["results"]] == ["window"]


def test_first_moment_there_is_can_be_asked_for(had_by_viewer: World) -> None:
    for since in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:30Z"):
        assert len(who_saw(had_by_viewer, since=since).json()["results"]) == 2
        assert len(seen_by(had_by_viewer, since=since).json()["results"]) == 1
    assert who_saw(had_by_viewer, since="0001-01-01T00:00:00+14:00").status_code == 400


def test_pages_follow_each_other_and_the_question_is_recorded_once(
    had_by_viewer: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = had_by_viewer
    monkeypatch.setattr(seen, "BATCH", 2)
    had(world, "viewer", "viewer")
    first = who_saw(world).json()
    second = who_saw(world, cursor=first["next"]).json()
    found = [row["username"] for page in (first, second) for row in page["results"]]
    assert found == ["owner", "viewer", "viewer"]
    assert second["next"] is None
    [row] = Inquiry.objects.all()
    assert (row.user_id, row.what) == (world.user("admin").pk, "who-saw")
    assert row.asked == {"model": "resources.document", "id": world.id}

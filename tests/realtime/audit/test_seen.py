"""Who could have seen what, and why: accesses with the intervals behind them, by indexes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import assign_perm

from permissions.audiences import registry
from realtime.audit import seen
from realtime.audit.questions import Question
from realtime.models import Belongs, Held
from tenants.models import Membership
from tests.realtime.audit.sight import had, hours, pushed, read
from tests.world import World

DOCUMENT = registry.get("resources.document")


def of_document(world: World, **more: Any) -> Question:
    return Question(
        world.tenants["acme"].pk, resource=DOCUMENT, object_id=world.document.pk, **more
    )


def rows(question: Question) -> list[seen.Seen]:
    return [row for some in seen.batches(question) for row in some]


def users(world: World, question: Question) -> list[str]:
    names = {user.pk: name for name, user in world.users.items()}
    return [names[row.access.user_id] for row in rows(question)]


def test_every_way_to_an_audience_is_told_with_its_beginning(world: World) -> None:
    crowd = Group.objects.create(name="crowd")
    role = Group.objects.create(name=f"tenant:{world.document.tenant_id}:member")
    assign_perm("change_document", crowd, world.document)
    crowd.user_set.add(world.user("member"))
    assign_perm("view_document", role, world.document)
    for username, audience in (
        ("owner", "owner"), ("viewer", "viewer"), ("admin", "auditor"), ("member", "editor"),
        ("both", "viewer"),
    ):  # fmt: skip
        had(world, username, audience)
    found = rows(of_document(world))
    assert [row.how for row in found] == [
        "the object's owner was this user",
        "a grant to them",
        "the role admin has it on every object",
        "a grant to a group",
        "a grant to the role member",
    ]
    granted = Held.objects.get(principal=f"user:{world.user('viewer').pk}", ended_at=None,
                               permission="view_document")  # fmt: skip
    assert found[1].way
    assert found[1].way.since == granted.began_at
    joined = Belongs.objects.get(user_id=world.user("admin").pk, principal="role:admin")
    declared = Held.objects.get(source="role", model=DOCUMENT.label)
    assert found[2].way
    assert found[2].way.since == max(joined.began_at, declared.began_at)
    assert all(row.way and row.way.until is None for row in found)


def test_former_way_is_told_with_its_end_and_who_gave_it(world: World) -> None:
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    assert world.rest("owner").put(url, {"audience": "viewer"}).status_code in (200, 201)
    had(world, "member", "viewer")
    world.rest("owner").delete(url)
    [row] = rows(of_document(world))
    assert (row.how, row.given_by) == ("a grant to them", world.user("owner").pk)
    assert row.way
    assert row.way.until == Held.objects.get(given_by=row.given_by).ended_at


def test_member_who_left_the_role_had_it_until_then(world: World) -> None:
    had(world, "admin", "auditor")
    Membership.objects.filter(user=world.user("admin")).update(role="member")
    [row] = rows(of_document(world))
    ended = Belongs.objects.get(principal="role:admin", tenant=world.document.tenant_id).ended_at
    assert row.way
    assert row.way.until == ended


def test_access_without_a_way_is_told_as_not_recorded(world: World) -> None:
    had(world, "member", "viewer")
    had(world, "member", "gone")
    had(world, "member", "viewer", model="gone.model")
    of_user = Question(world.tenants["acme"].pk, user_id=world.user("member").pk)
    assert {(row.how, row.way) for row in rows(of_user)} == {("not recorded", None)}


def test_way_that_begins_after_the_copy_is_told_if_there_is_no_earlier_one(world: World) -> None:
    """Clocks differ, and what was there before the record begins with it."""
    had(world, "viewer", "viewer", began_at=hours(5))
    had(world, "viewer", "viewer", began_at=hours(5), ended_at=hours(4))
    assert [row.how for row in rows(of_document(world))] == ["a grant to them", "not recorded"]


def test_span_field_and_user_narrow(world: World) -> None:
    had(world, "owner", "owner", began_at=hours(9), ended_at=hours(8))
    had(world, "viewer", "viewer", began_at=hours(3), ended_at=hours(2))
    had(world, "editor", "editor", began_at=hours(1))
    had(world, "editor", "editor", began_at=hours(1), object_id=0)
    assert users(world, of_document(world)) == ["owner", "viewer", "editor"]
    assert users(world, of_document(world, since=hours(4))) == ["viewer", "editor"]
    assert users(world, of_document(world, until=hours(4))) == ["owner"]
    assert users(world, of_document(world, field="budget")) == ["owner"]
    assert users(world, of_document(world, field="review_notes")) == ["owner", "editor"]
    editor = Question(world.tenants["acme"].pk, user_id=world.user("editor").pk)
    assert len(rows(editor)) == 2
    assert rows(Question(world.tenants["globex"].pk, user_id=world.user("editor").pk)) == []


def test_etag_finds_those_who_had_it_while_it_was_the_newest(world: World) -> None:
    pushed(world, "one", 1, 9)
    pushed(world, "two", 2, 5)
    pushed(world, "other", 1, 9, audience="editor")
    had(world, "viewer", "viewer", began_at=hours(8), ended_at=hours(6))
    had(world, "member", "viewer", began_at=hours(4))
    had(world, "editor", "editor", began_at=hours(8))
    assert users(world, of_document(world, etag="one")) == ["viewer"]
    assert users(world, of_document(world, etag="two")) == ["member"]
    assert users(world, of_document(world, etag="none")) == []


def test_batches_are_few_queries_each_and_miss_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "BATCH", 3)
    at = timezone.now()
    made = [had(world, "viewer", "viewer", began_at=at).pk for _ in range(5)]
    made += [had(world, "owner", "owner", began_at=at + timedelta(seconds=n)).pk for n in (1, 2)]
    with CaptureQueriesContext(connection) as queries:
        assert [row.access.pk for row in rows(of_document(world))] == made
    assert len(queries) == 3 * 4 + 3
    assert seen.page(of_document(world)).next == (at, "socket", made[2], None)


def test_what_was_read_over_rest_stands_between_what_sockets_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "BATCH", 2)
    minute = hours(5).replace(second=0, microsecond=0)
    before = had(world, "viewer", "viewer", began_at=hours(9), ended_at=hours(8)).pk
    first, second = (read(world, who, who, minute).pk for who in ("editor", "owner"))
    same = had(world, "owner", "owner", began_at=minute).pk
    after = read(world, "owner", "owner", hours(3)).pk
    found = rows(of_document(world))
    assert [(row.access.over, row.access.pk) for row in found] == [
        ("socket", before), ("rest", first), ("rest", second), ("socket", same), ("rest", after),
    ]  # fmt: skip
    assert found[1].how == "not recorded", "the grant came later"
    assert found[1].access.ended_at == minute + timedelta(minutes=1)


def test_span_field_and_etag_narrow_what_was_read_too(world: World) -> None:
    minute = hours(5).replace(second=0, microsecond=0)
    read(world, "viewer", "viewer", minute)
    read(world, "owner", "owner", minute)
    within = minute + timedelta(seconds=30)
    assert users(world, of_document(world, since=within)) == ["viewer", "owner"]
    assert users(world, of_document(world, since=minute + timedelta(minutes=1))) == []
    assert users(world, of_document(world, until=minute)) == ["viewer", "owner"]
    assert users(world, of_document(world, until=minute - timedelta(seconds=1))) == []
    assert users(world, of_document(world, field="budget")) == ["owner"]
    pushed(world, "one", 1, 6)
    push = pushed(world, "two", 2, 5)
    push.__class__.objects.filter(pk=push.pk).update(at=within)
    for etag in ("one", "two"):
        assert users(world, of_document(world, etag=etag)) == ["viewer"], etag
    pushed(world, "three", 3, 4)
    assert users(world, of_document(world, etag="three")) == []


def test_way_that_is_older_than_the_record_says_so(world: World) -> None:
    Held.objects.filter(permission="view_document").update(began="before the record")
    had(world, "viewer", "viewer")
    had(world, "editor", "editor")
    assert [row.way and row.way.before for row in rows(of_document(world))] == [True, False]


def test_of_a_group_the_later_beginning_counts(world: World) -> None:
    crowd = Group.objects.create(name="crowd")
    assign_perm("view_document", crowd, world.document)
    crowd.user_set.add(world.user("member"))
    had(world, "member", "viewer")
    for held, belongs, said in (
        ("before the record", "group", False), ("granted", "before the record", True),
    ):  # fmt: skip
        Held.objects.update(began=held)
        Belongs.objects.update(began=belongs)
        [row] = rows(of_document(world))
        assert row.way is not None
        assert row.way.before is said

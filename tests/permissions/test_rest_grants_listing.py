"""Grants over REST, listed: who has which, by whom, and where each subject ends up."""

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import assign_perm
from pytest_django import DjangoAssertNumQueries

from permissions.rest_grants import GrantRowSerializer
from tenants.models import Membership, User
from tests.permissions.conftest import HIDDEN
from tests.permissions.shares import grants_url, put, sees
from tests.world import World


def listed(world: World, reader: str = "admin", query: str = "") -> dict[str, Any]:
    """The grants as a reader sees them, by user's or role's name."""
    body = world.rest(reader).get(grants_url(world) + query).json()
    return {row["name"] or row["subject"]: row for row in body["results"]}


def test_grants_are_listed(world: World) -> None:
    body = world.rest("admin").get(grants_url(world)).json()
    assert body["count"] == 4
    by_orm = {"granted_by": None, "granted_at": None}
    users = [(f"user:{world.user_id(name)}", name, name) for name in ("owner", "editor", "viewer")]
    assert body["results"] == [
        {
            "subject": subject,
            "name": username,
            "audience": audience,
            "default": audience in ("owner", "auditor"),
            **by_orm,
            "effective": {"audience": audience, "path": subject},
        }
        for subject, username, audience in [*users, ("role:admin", None, "auditor")]
    ]


def test_rows_are_as_the_schema_says(world: World) -> None:
    [row, *_] = world.rest("admin").get(grants_url(world)).json()["results"]
    said = GrantRowSerializer().fields
    assert set(row) == {name for name, field in said.items() if field.required}
    assert set(row["effective"]) == set(said["effective"].fields)  # type: ignore[attr-defined]


def test_list_says_who_granted_it_and_when(world: World) -> None:
    before = timezone.now()
    put(world.rest("admin"), world, "member", "viewer")
    put(world.rest("owner"), world, "role:member", "auditor")
    rows = listed(world)
    for subject, by in [("member", "admin"), ("role:member", "owner")]:
        assert rows[subject]["granted_by"] == world.user_id(by)
        assert rows[subject]["granted_at"].endswith("Z")
        assert before <= datetime.fromisoformat(rows[subject]["granted_at"]) <= timezone.now()


def test_grant_that_is_given_again_stays_its_first_givers(world: World) -> None:
    put(world.rest("admin"), world, "member", "viewer")
    first = listed(world)["member"]
    put(world.rest("owner"), world, "member", "viewer")
    assert listed(world)["member"] == first
    put(world.rest("owner"), world, "member", "editor")
    assert listed(world)["member"]["granted_by"] == world.user_id("owner")


def test_grant_outlives_who_gave_it(world: World) -> None:
    world.grant("admin", "owner")
    put(world.rest("admin"), world, "member", "viewer")
    world.revoke("admin")
    world.user("admin").delete()
    row = listed(world, "owner")["member"]
    assert (row["granted_by"], row["audience"]) == (None, "viewer")
    assert row["granted_at"]


def test_list_says_where_each_subject_ends_up_and_by_which_path(world: World) -> None:
    own = f"user:{world.user_id('viewer')}"
    assert listed(world)["viewer"]["effective"] == {"audience": "viewer", "path": own}
    put(world.rest("owner"), world, "role:member", "viewer")
    assert listed(world)["viewer"]["effective"] == {"audience": "viewer", "path": own}
    put(world.rest("owner"), world, "role:member", "editor")
    rows = listed(world)
    assert rows["viewer"]["audience"] == "viewer"
    assert rows["viewer"]["effective"] == {"audience": "editor", "path": "role:member"}
    assert rows["role:member"]["effective"] == {"audience": "editor", "path": "role:member"}
    assert sees(world, "viewer") == "editor"


def test_subject_with_a_default_and_a_grant_has_a_row_for_each(world: World) -> None:
    """Both say where the subject ends up: in the first of the two."""
    put(world.rest("owner"), world, "role:admin", "editor")
    world.grant("editor", "owner")
    world.hand_over("editor")
    rows = world.rest("editor").get(grants_url(world)).json()["results"]
    subjects = (f"user:{world.user_id('editor')}", "role:admin")
    twice = [[row for row in rows if row["subject"] == subject] for subject in subjects]
    assert [[(row["audience"], row["default"]) for row in both] for both in twice] == [
        [("owner", True), ("owner", False)],
        [("auditor", True), ("editor", False)],
    ]
    for both, audience in zip(twice, ("owner", "editor"), strict=True):
        ends = {"audience": audience, "path": both[0]["subject"]}
        assert [row["effective"] for row in both] == [ends, ends]
    world.hand_over("owner")
    world.grant("owner", "owner")
    rows = world.rest("owner").get(grants_url(world) + "?audience=owner").json()["results"]
    assert [(row["name"], row["default"]) for row in rows] == [
        ("owner", True),
        ("editor", False),
    ]


def test_path_through_another_group_is_not_named(world: World) -> None:
    """Django's groups belong to no tenant: their names may be anybody's."""
    group = Group.objects.create(name="reviewers of globex")
    group.user_set.add(world.user("viewer"))
    for permission in ("own_document", "view_document"):
        assign_perm(permission, group, world.document)
    row = listed(world)["viewer"]
    assert row["effective"] == {"audience": "owner", "path": "group"}
    put(world.rest("owner"), world, "role:member", "owner")
    assert listed(world)["viewer"]["effective"]["path"] == "role:member"


def test_subject_who_may_not_come_in_ends_up_nowhere(world: World) -> None:
    place = Membership.objects.filter(tenant=world.tenants["acme"], user=world.user("viewer"))
    place.update(is_active=False)
    row = listed(world)["viewer"]
    assert (row["audience"], row["effective"]) == ("viewer", None)


def test_list_of_grants_costs_the_same_for_any_number(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = world.rest("owner")
    with CaptureQueriesContext(connection) as few:
        client.get(grants_url(world))
    for username in ("member", "both"):
        world.grant(username, "viewer")
    with django_assert_num_queries(len(few)):
        client.get(grants_url(world))


PAGES = [
    ("audience=editor", ["editor"]),
    ("audience=auditor", ["role:admin"]),
    ("audience=", ["owner", "editor", "viewer", "role:admin"]),
    ("audience=self", []),
    ("audience=%00%ff", []),
    ("page_size=2", ["owner", "editor"]),
    ("page_size=2&page=2", ["viewer", "role:admin"]),
    ("page_size=1&audience=viewer", ["viewer"]),
]


def test_list_of_grants_is_filtered_and_paged(world: World) -> None:
    client = world.rest("owner")
    for query, subjects in PAGES:
        found = client.get(f"{grants_url(world)}?{query}").json()["results"]
        assert [grant["name"] or grant["subject"] for grant in found] == subjects, query


def test_list_names_people_as_the_reader_is_shown_them(world: World) -> None:
    """A plain member could read everybody's username, one grant after another."""
    User.objects.filter(username="viewer").update(username="viewer-as-they-log-in")
    profile = world.profile("viewer")
    profile.display_name = "Vera"
    profile.save()
    for reader in ("owner", "admin"):
        row = listed(world, reader)["Vera"]
        assert row["subject"] == f"user:{world.user_id('viewer')}"
        assert "as-they-log-in" not in json.dumps(listed(world, reader))


def test_whom_the_reader_is_not_shown_is_listed_without_a_name(world: World, declare: Any) -> None:
    declare(HIDDEN)
    row = listed(world, "owner")[f"user:{world.user_id('viewer')}"]
    assert (row["name"], row["audience"]) == (None, "viewer")


def test_somebody_whose_profile_is_gone_is_listed_without_a_name(world: World) -> None:
    world.grant("rival", "viewer")
    row = listed(world, "owner")[f"user:{world.user_id('rival')}"]
    assert (row["name"], row["effective"]) == (None, None)

"""Grants over REST: owners and the tenant's admins say who else sees a document."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import assign_perm
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from permissions.audiences import Audience, Resource
from permissions.grants import Subject
from permissions.rest_grants import GrantsMixin, spell
from resources.audiences import DOCUMENTS
from resources.models import Document, DocumentGroupGrant
from tenants import opaque
from tenants.models import Membership, User
from tests.permissions.conftest import Log
from tests.world import World

NOT_FOUND = {"detail": "Not found.", "code": "not_found"}


def grants_url(world: World) -> str:
    return f"{world.url}grants/"


def url(world: World, subject: str) -> str:
    """The grant of a user by name, or of a role."""
    kind, _, name = subject.partition(":")
    return f"{grants_url(world)}{subject if name else f'user:{world.user_id(kind)}'}/"


def put(client: APIClient, world: World, subject: str, audience: Any) -> Any:
    return client.put(url(world, subject), {"audience": audience})


def sees(world: World, username: str) -> str | None:
    answer = world.rest(username).get(world.url)
    return answer["X-Audience"] if answer.status_code == 200 else None


def owned_by_admin(world: World) -> None:
    world.grant("admin", "owner")


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("owner", 200),
        ("admin", 200),
        ("editor", 403),
        ("viewer", 403),
        ("member", 404),
        ("both", 404),
        ("root", 404),
    ],
)
def test_only_owners_and_admins_manage_grants(world: World, username: str, code: int) -> None:
    User.objects.filter(pk=world.user("root").pk).update(is_superuser=True)
    Membership.objects.create(tenant=world.tenants["acme"], user=world.user("root"))
    client = world.rest(username)
    log = Log(world.tenants["acme"].pk)
    answers = [
        client.get(grants_url(world)),
        put(client, world, "viewer", "viewer"),
        put(client, world, "role:member", "auditor"),
        client.delete(url(world, "role:member")),
    ]
    codes = [code, code, code, 204 if code == 200 else code]
    assert [answer.status_code for answer in answers] == codes
    assert (log.new() == []) is (code != 200)
    if code == 404:
        assert [answer.json() for answer in answers] == [NOT_FOUND] * 4


def test_member_who_audits_by_a_grant_of_his_own_manages_nothing(world: World) -> None:
    world.grant("member", "auditor")
    assert world.rest("member").get(grants_url(world)).status_code == 403
    assert put(world.rest("member"), world, "member", "owner").status_code == 403


def test_admin_of_another_tenant_finds_nothing(world: World) -> None:
    client = world.rest("rival", "globex")
    assert client.get(grants_url(world)).status_code == 404
    assert put(client, world, "rival", "owner").status_code == 404
    assert client.delete(url(world, "viewer")).status_code == 404


def listed(world: World, reader: str = "admin", query: str = "") -> dict[str, Any]:
    """The grants as a reader sees them, by user's or role's name."""
    body = world.rest(reader).get(grants_url(world) + query).json()
    return {row["username"] or row["subject"]: row for row in body["results"]}


def test_grants_are_listed(world: World) -> None:
    body = world.rest("admin").get(grants_url(world)).json()
    assert body["count"] == 4
    by_orm = {"granted_by": None, "granted_at": None}
    users = [(f"user:{world.user_id(name)}", name, name) for name in ("owner", "editor", "viewer")]
    assert body["results"] == [
        {
            "subject": subject,
            "username": username,
            "audience": audience,
            **by_orm,
            "effective": {"audience": audience, "path": subject},
        }
        for subject, username, audience in [*users, ("role:admin", None, "auditor")]
    ]


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
        assert [grant["username"] or grant["subject"] for grant in found] == subjects, query


def test_put_replaces_the_audience_of_the_subject(world: World) -> None:
    client = world.rest("owner")
    for subject, reader in [("viewer", "viewer"), ("member", "member"), ("role:member", "both")]:
        for audience in ("editor", "viewer", "auditor", "owner"):
            answer = put(client, world, subject, audience)
            assert answer.status_code == 200
            spelled = subject if ":" in subject else f"user:{world.user_id(subject)}"
            assert answer.json() == {"subject": spelled, "audience": audience}
            assert answer["Cache-Control"] == "private, no-store"
            assert sees(world, reader) == audience


def test_put_of_the_same_audience_is_allowed(world: World) -> None:
    log = Log(world.tenants["acme"].pk)
    assert put(world.rest("owner"), world, "viewer", "viewer").status_code == 200
    assert put(world.rest("owner"), world, "owner", "owner").status_code == 200
    assert log.new() == []


def test_delete_takes_the_grant_once(world: World) -> None:
    client = world.rest("owner")
    answers = [client.delete(url(world, "viewer")) for _ in range(2)]
    assert [(a.status_code, a.content) for a in answers] == [
        (204, b""),
        (404, json.dumps(NOT_FOUND, separators=(",", ":")).encode()),
    ]
    assert sees(world, "viewer") is None
    assert client.delete(url(world, "role:member")).status_code == 404


def test_last_owner_is_a_conflict(world: World) -> None:
    client = world.rest("admin")
    answers = [
        client.delete(url(world, "owner")),
        put(client, world, "owner", "editor"),
        put(client, world, "owner", "auditor"),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "last_holder")] * 3
    assert sees(world, "owner") == "owner"
    assert put(client, world, "editor", "owner").status_code == 200
    assert client.delete(url(world, "owner")).status_code == 204
    assert sees(world, "owner") is None
    assert client.delete(url(world, "editor")).status_code == 409


def test_role_that_also_owns_may_be_taken(world: World) -> None:
    client = world.rest("owner")
    assert put(client, world, "role:member", "owner").status_code == 200
    assert client.delete(url(world, "role:member")).status_code == 204
    assert client.delete(url(world, "owner")).status_code == 409


@pytest.mark.parametrize("subject", ["admin", "role:admin"])
def test_admin_does_not_raise_himself(world: World, subject: str) -> None:
    client = world.rest("admin")
    codes = [
        put(client, world, subject, audience).status_code
        for audience in ("owner", "editor", "viewer", "auditor")
    ]
    assert codes == [403, 403, 403, 200]
    assert sees(world, "admin") == "auditor"


def test_admin_who_edits_by_anothers_grant_does_not_raise_himself(world: World) -> None:
    world.grant("admin", "editor")
    client = world.rest("admin")
    assert put(client, world, "admin", "owner").status_code == 403
    assert put(client, world, "role:admin", "viewer").status_code == 403
    assert client.delete(url(world, "admin")).status_code == 204
    assert sees(world, "admin") == "auditor"


def test_admin_raises_others_and_owners_raise_admins(world: World) -> None:
    assert put(world.rest("admin"), world, "member", "owner").status_code == 200
    assert put(world.rest("owner"), world, "admin", "editor").status_code == 200
    assert put(world.rest("owner"), world, "role:admin", "viewer").status_code == 200
    assert sees(world, "admin") == "editor"


def test_admin_who_owns_shares_as_an_owner(world: World) -> None:
    owned_by_admin(world)
    client = world.rest("admin")
    assert put(client, world, "role:admin", "editor").status_code == 200
    assert put(client, world, "admin", "viewer").status_code == 200


def test_role_admin_may_lose_its_grant_and_then_sees_nothing(world: World) -> None:
    client = world.rest("admin")
    assert client.delete(url(world, "role:admin")).status_code == 204
    assert client.get(grants_url(world)).status_code == 404
    assert not DocumentGroupGrant.objects.exists() or sees(world, "admin") is None


@pytest.mark.parametrize("method", ["put", "delete"])
def test_unknown_subject_is_absent(world: World, method: str) -> None:
    member = world.user_id("member")
    subjects = [
        f"user:{world.user_id('rival')}",
        f"user:{opaque.encode(User, 10**9)}",
        f"user:{world.user('member').pk}",
        f"user:{member}x",
        f"user:{member[:-1]}",
        f"user:{world.id}",
        f"User:{member}",
        f"user:{member}:",
        f"group:{member}",
        "user:",
        "user:%00",
        "user:me",
        "role:",
        "role:owner",
        "role:Admin",
        "role:admin%20",
        "role",
        ":",
        member,
        "%ff",
        "x" * 3000,
    ]
    log = Log(world.tenants["acme"].pk)
    client = world.rest("owner")
    answers = {
        s: getattr(client, method)(f"{grants_url(world)}{s}/", {"audience": "viewer"})
        for s in subjects
    }
    assert {s: (a.status_code, a.json()) for s, a in answers.items()} == dict.fromkeys(
        subjects, (404, NOT_FOUND)
    )
    assert log.new() == []


WRONG_BODIES: list[tuple[str, set[str]]] = [
    ("{}", {"audience"}),
    ('{"audience": "self"}', {"audience"}),
    ('{"audience": "Owner"}', {"audience"}),
    ('{"audience": ""}', {"audience"}),
    ('{"audience": null}', {"audience"}),
    ('{"audience": 5}', {"audience"}),
    ('{"audience": true}', {"audience"}),
    ('{"audience": ["viewer"]}', {"audience"}),
    ('{"audience": {"name": "viewer"}}', {"audience"}),
    ('{"audience": "viewer\\u0000"}', {"audience"}),
    ('{"audience": "\\ud800"}', {"audience"}),
    ('{"audience": "viewer", "until": 1}', {"until"}),
    ('{"audience": "viewer", "\\ud800": 1}', {"\ud800"}),
    ("[]", {"non_field_errors"}),
    ('"viewer"', {"non_field_errors"}),
    ("null", {"non_field_errors"}),
    ("", {"audience"}),
    ("{", {"detail", "code"}),
    ("[" * 100_000, {"detail", "code"}),
]


def test_wrong_body_is_refused_by_name(world: World) -> None:
    client = world.rest("owner")
    for body, wrong in WRONG_BODIES:
        answer = client.put(url(world, "viewer"), body, content_type="application/json")
        assert (answer.status_code, set(answer.json())) == (400, wrong), body[:60]
    assert sees(world, "viewer") == "viewer"


def test_suspended_member_may_be_granted_and_sees_nothing_yet(world: World) -> None:
    place = Membership.objects.get(tenant=world.tenants["acme"], user=world.user("member"))
    Membership.objects.filter(pk=place.pk).update(is_active=False)
    assert put(world.rest("owner"), world, "member", "viewer").status_code == 200
    assert sees(world, "member") is None
    Membership.objects.filter(pk=place.pk).update(is_active=True)
    assert sees(world, "member") == "viewer"


@pytest.mark.parametrize("path", ["grants/", "grants/role:admin/"])
def test_other_methods_are_not_allowed(world: World, path: str) -> None:
    client, wrong = world.rest("owner"), ["post", "patch"]
    wrong += ["put", "delete"] if path == "grants/" else ["get"]
    answers = [getattr(client, method)(f"{world.url}{path}") for method in wrong]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(405, "method_not_allowed")}


def test_grants_of_nothing_are_absent(world: World) -> None:
    for id in ("unknown", str(world.document.pk), opaque.encode(Document, 10**9)):
        assert world.rest("admin").get(f"/api/documents/{id}/grants/").status_code == 404


def test_admins_of_a_resource_without_a_role_give_themselves_nothing() -> None:
    class View(GrantsMixin):
        resource: Any

    view = View()
    view.resource = DOCUMENTS
    assert [audience.name for audience in view.below_ceiling()] == ["auditor"]
    audience: Audience = DOCUMENTS.audiences[0]
    view.resource = Resource(model=Document, audiences=(audience,))
    assert view.below_ceiling() == ()


def test_subject_is_spelled_as_in_addresses(world: World) -> None:
    assert spell(Subject(role="admin")) == "role:admin"
    assert spell(Subject(user_id=world.user("owner").pk)) == f"user:{world.user_id('owner')}"

"""Grants over REST, given and taken: to whom, with which body, and while an owner stays."""

import json
from typing import Any

import pytest
from guardian.shortcuts import assign_perm

from permissions.rest_grants import spell
from permissions.subjects import Subject
from resources.models import Document, DocumentGroupGrant
from tenants import opaque
from tenants.models import Membership, User
from tests.permissions.answers import NOT_FOUND
from tests.permissions.conftest import HIDDEN, Log
from tests.permissions.shares import grants_url, put, sees, url
from tests.world import World


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


def test_default_is_neither_taken_nor_lowered(world: World) -> None:
    client = world.rest("admin")
    answers = [
        client.delete(url(world, "owner")),
        put(client, world, "owner", "editor"),
        put(client, world, "owner", "auditor"),
        client.delete(url(world, "role:admin")),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "default_grant")] * 4
    assert (sees(world, "owner"), sees(world, "admin")) == ("owner", "auditor")


def test_delete_takes_the_grant_and_leaves_the_default(world: World) -> None:
    client = world.rest("owner")
    assert put(client, world, "role:admin", "editor").status_code == 200
    assert sees(world, "admin") == "editor"
    answers = [client.delete(url(world, "role:admin")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 409]
    assert sees(world, "admin") == "auditor"


def test_put_of_the_default_removes_the_grant(world: World) -> None:
    client = world.rest("owner")
    assert put(client, world, "role:admin", "viewer").status_code == 200
    answer = put(client, world, "role:admin", "auditor")
    assert (answer.status_code, answer.json()) == (
        200,
        {"subject": "role:admin", "audience": "auditor"},
    )
    assert not DocumentGroupGrant.objects.exists()
    assert sees(world, "admin") == "auditor"


def test_default_that_would_be_lowered_keeps_the_grant_beside_it(world: World) -> None:
    """Somebody who owned by a grant is made the owner: the grant is of no use, and harms nobody."""
    world.grant("editor", "owner")
    world.hand_over("editor")
    answer = put(world.rest("admin"), world, "editor", "viewer")
    assert (answer.status_code, answer.json()["code"]) == (409, "default_grant")
    assert world.rest("admin").delete(url(world, "editor")).status_code == 204
    assert sees(world, "editor") == "owner"


def test_owners_by_a_grant_may_be_taken_while_there_is_an_owner(world: World) -> None:
    client = world.rest("owner")
    for subject in ("role:member", "editor"):
        assert put(client, world, subject, "owner").status_code == 200
        assert client.delete(url(world, subject)).status_code == 204
    assert sees(world, "owner") == "owner"


def test_last_holder_is_a_conflict_where_no_field_names_one(shop: World) -> None:
    from tests.permissions.shop.models import Item

    item = Item.objects.create(tenant=shop.tenants["acme"])
    assign_perm("change_item", shop.user("owner"), item)
    client = shop.rest("owner")
    own, other = (
        f"/api/items/{opaque.encode(Item, item.pk)}/grants/user:{shop.user_id(name)}/"
        for name in ("owner", "editor")
    )
    answers = [client.delete(own), client.put(own, {"audience": "looker"})]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "last_holder")] * 2
    assert client.put(other, {"audience": "keeper"}).status_code == 200
    assert client.delete(own).status_code == 204
    assert client.delete(other).status_code == 404
    assert shop.rest("editor").delete(other).status_code == 409


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


def test_only_whom_the_giver_is_shown_is_given_anything(world: World, declare: Any) -> None:
    """Else one grant after another tells which ids are members."""
    declare(HIDDEN)
    answer = put(world.rest("owner"), world, "member", "viewer")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert put(world.rest("member"), world, "member", "viewer").status_code == 404


def test_grant_of_somebody_who_is_gone_is_taken(world: World) -> None:
    """A script removed the member, and left what they were granted: it is listed."""
    Membership.objects.filter(user=world.user("viewer")).delete()
    assert world.rest("owner").delete(url(world, "viewer")).status_code == 204
    assert world.rest("owner").delete(url(world, "viewer")).status_code == 404


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


def test_subject_is_spelled_as_in_addresses(world: World) -> None:
    assert spell(Subject(role="admin")) == "role:admin"
    assert spell(Subject(user_id=world.user("owner").pk)) == f"user:{world.user_id('owner')}"

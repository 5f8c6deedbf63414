"""Members over REST: a tenant's admins see who is in it, and nobody else sees or changes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenants import opaque
from tenants.models import Membership
from tests.tenants.places import MEMBERS, place, standing, url
from tests.world import World

NOT_FOUND = {"detail": "Not found.", "code": "not_found"}


def test_members_are_listed_by_username_and_page(world: World) -> None:
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    answer = world.rest("admin").get(MEMBERS)
    body = answer.json()
    assert (body["count"], body["next"], body["previous"]) == (6, None, None)
    assert body["results"] == [
        {
            "id": opaque.encode(Membership, place(world, name).pk),
            "user": world.user_id(name),
            "username": name,
            "role": "admin" if name == "admin" else "member",
            "is_active": name != "viewer",
            "state": "inactive" if name == "viewer" else "active",
        }
        for name in ("admin", "both", "editor", "member", "owner", "viewer")
    ]
    assert answer["Cache-Control"] == "private, no-store"
    page = world.rest("admin").get(f"{MEMBERS}?page_size=4&page=2").json()
    assert [member["username"] for member in page["results"]] == ["owner", "viewer"]


def calls(world: World) -> list[tuple[str, str, Any]]:
    return [
        ("get", MEMBERS, None),
        ("post", MEMBERS, {"username": "rival"}),
        ("patch", url(world, "viewer"), {"role": "admin"}),
        ("delete", url(world, "viewer"), None),
    ]


def test_only_admins_of_the_tenant_manage_members(world: World) -> None:
    before = standing(world)
    denied = {"detail": "You do not have permission to perform this action."}
    for username in ("owner", "member", "both"):
        for method, path, body in calls(world):
            answer = getattr(world.rest(username), method)(path, body)
            assert (answer.status_code, answer.json()) == (
                403,
                {**denied, "code": "permission_denied"},
            )
    answers = [getattr(world.rest("rival"), m)(path, body) for m, path, body in calls(world)]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "tenant_forbidden")}
    assert standing(world) == before


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_member_of_another_tenant_is_absent(world: World, method: str) -> None:
    ids = [
        opaque.encode(Membership, place(world, "viewer").pk),
        opaque.encode(Membership, 10**9),
        str(place(world, "rival", "globex").pk),
        "unknown",
        "%00",
        "x" * 3000,
    ]
    client = world.rest("rival", "globex")
    answers = [getattr(client, method)(f"{MEMBERS}{id}/", {"role": "admin"}) for id in ids]
    assert {(a.status_code, a.content) for a in answers} == {
        (404, json.dumps(NOT_FOUND, separators=(",", ":")).encode())
    }
    assert standing(world)["viewer"] == ("member", True)


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("method", "wrong"), [("put", False), ("patch", False), ("get", True), ("put", True)]
)
def test_other_methods_are_not_allowed(world: World, method: str, wrong: bool) -> None:
    path = url(world, "viewer") if wrong else MEMBERS
    answer = getattr(world.rest("admin"), method)(path, {})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")

"""What something is shown for: a grant says it, or else the tenant; the subject report has it."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.models import Held
from tenants.models import Tenant
from tests.realtime.audit.rows_of_ledger import chain, whats
from tests.realtime.audit.sight import had
from tests.world import World


def put(world: World, **body: Any) -> Any:
    return world.rest("owner").put(f"{world.url}grants/user:{world.user_id('member')}/", body)


def purposes(world: World) -> list[str]:
    answer = world.rest("admin").get("/api/review/seen-by/", {"user": world.user_id("member")})
    return [row["purpose"] for row in answer.json()["results"]]


def listed(world: World) -> list[str]:
    rows = world.rest("owner").get(f"{world.url}grants/").json()["results"]
    return [
        row.get("purpose", "")
        for row in rows
        if row["subject"] == f"user:{world.user_id('member')}"
    ]


def test_grants_purpose_is_told_also_once_it_is_gone(world: World) -> None:
    assert put(world, audience="viewer", purpose="treatment").status_code == 200
    assert listed(world) == ["treatment"]
    had(world, "member", "viewer")
    world.rest("owner").delete(f"{world.url}grants/user:{world.user_id('member')}/")
    assert purposes(world) == ["treatment"]


def test_tenants_purpose_is_told_where_the_grant_has_none(world: World) -> None:
    put(world, audience="viewer")
    had(world, "member", "viewer")
    assert purposes(world) == ["not recorded"]
    Tenant.objects.filter(slug="acme").update(purpose="operations")
    assert purposes(world) == ["operations"]


def test_another_purpose_is_another_grant_and_none_keeps_it(world: World) -> None:
    put(world, audience="viewer", purpose="treatment")
    put(world, audience="viewer")
    assert listed(world) == ["treatment"]
    put(world, audience="viewer", purpose="payment")
    assert listed(world) == ["payment"]
    held = Held.objects.filter(principal=f"user:{world.user('member').pk}").order_by("pk")
    ended = [(row.purpose, row.ended_at is None) for row in held if row.permission != "own"]
    assert ended[-2:] == [("treatment", False), ("payment", True)]
    put(world, audience="viewer", purpose="")
    assert listed(world) == [""]


def test_purpose_is_sealed(world: World) -> None:
    put(world, audience="viewer", purpose="treatment")
    chain()
    acme = world.tenants["acme"]
    assert whats(acme) == []
    Held.objects.filter(purpose="treatment").update(purpose=None)
    assert len(whats(acme)) == 1


@pytest.mark.parametrize("purpose", ["x" * 201, None, 5])
def test_purpose_is_a_short_text(world: World, purpose: Any) -> None:
    answer = put(world, audience="viewer", purpose=purpose)
    assert (answer.status_code, list(answer.json())) == (400, ["purpose"])

"""Exporting and deleting all that is one tenant's, by the operator's commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError
from django.utils import timezone
from guardian.shortcuts import assign_perm
from pytest_django import Settings

from permissions.models import AccessChange, AccessRevision
from project.console import tenant_data
from realtime.models import Change
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tenants import revocations
from tenants.models import Membership, Tenant, Ticket
from tenants.roles import role_group
from tests.client import connect, in_thread, subscribed
from tests.project.console.test_tenant_command import everything, run
from tests.world import World


def of(slug: str, state: dict[str, Any]) -> dict[str, Any]:
    """What a tenant has, but for the log of access: who leaves a group is looked at everywhere."""
    return {
        name: rows
        for name, rows in state.items()
        if name.startswith(slug) and "earshot_permissions.Access" not in name
    }


# Exporting


def exported(path: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["model"], []).append(row["row"])
    return found


def test_export_holds_what_is_the_tenants_and_nothing_else(world: World, tmp_path: Path) -> None:
    theirs = world.create("globex", "rival", title="Of the other tenant")
    world.rest("viewer").post("/api/tickets/")
    revocations.revoke(world.tenants["acme"].pk, ("token", "secret"))
    path = tmp_path / "acme.jsonl"
    said = run("export_tenant", "acme", "--output", str(path))
    found = exported(path)
    assert said == f"Wrote {sum(map(len, found.values()))} rows of acme to {path}.\n"
    assert found["earshot_tenants.tenant"] == [
        {
            "id": world.tenants["acme"].pk,
            "slug": "acme",
            "name": "Acme",
            "is_active": True,
            "record_payloads": False,
            "purpose": "",
            "record_reads": False,
            "limits": {},
        }
    ]
    assert {user["username"] for user in found["earshot_tenants.user"]} == {
        "admin", "both", "editor", "member", "owner", "viewer",
    }  # fmt: skip
    [document] = found["resources.document"]
    assert (document["id"], document["title"], document["budget"]) == (
        world.document.pk,
        "Plan",
        "10.00",
    )
    assert len(found["earshot_tenants.membership"]) == len(found["resources.profile"]) == 6
    assert {grant["user_id"] for grant in found["resources.documentusergrant"]} == {
        world.user(name).pk for name in ("editor", "viewer")
    }
    assert found["earshot_realtime.change"]
    assert found["earshot_permissions.accesschange"]
    text = path.read_text()
    assert theirs.title not in text
    assert "rival" not in text
    assert "password" not in text
    assert world.user("viewer").password not in text
    assert not {"earshot_tenants.ticket", "earshot_tenants.revocation"} & set(found)
    assert Ticket.objects.exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_export_tells_no_more_of_the_invited_than_their_username(
    world: World, tmp_path: Path
) -> None:
    place = {"tenant": world.tenants["acme"], "user": world.user("rival")}
    Membership.objects.create(**place, is_active=False, invited_at=timezone.now())
    run("export_tenant", "acme", "--output", str(tmp_path / "acme.jsonl"))
    people = exported(tmp_path / "acme.jsonl")["earshot_tenants.user"]
    assert [user for user in people if user["username"] == "rival"] == [
        {"id": world.user("rival").pk, "username": "rival"}
    ]


def test_export_overwrites_nothing(world: World, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("precious")
    for target in (path, tmp_path / "nowhere" / "rows"):
        with pytest.raises(CommandError, match="cannot be created"):
            run("export_tenant", "acme", "--output", str(target))
    assert path.read_text() == "precious"


def test_export_that_fails_leaves_no_half(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(tenant: Tenant) -> Any:
        yield {"model": "earshot_tenants.tenant", "row": {}}
        raise OSError("disk")

    monkeypatch.setattr(tenant_data, "export", fail)
    path = tmp_path / "rows"
    with pytest.raises(OSError, match="disk"):
        run("export_tenant", "acme", "--output", str(path))
    assert not path.exists()


# Deleting


@pytest.fixture
def prompt(settings: Settings) -> None:
    """The command waits for other processes no longer than a test should."""
    settings.EARSHOT = settings.EARSHOT | {"tail_seconds": 0.001}


@pytest.mark.usefixtures("prompt")
def test_deleted_tenant_leaves_no_row_and_its_users(world: World) -> None:
    world.create("globex", "rival")
    world.rest("viewer").post("/api/tickets/")
    assign_perm("view_document", role_group(world.tenants["acme"].pk, "member"), world.document)
    pk, before = world.tenants["acme"].pk, everything()
    said = run("delete_tenant", "acme", "--slug-again", "acme")
    counted = [line.split() for line in said.splitlines() if line.startswith("  ")]
    counts = {label: number for number, label in counted}
    assert counts["earshot_tenants.Membership"] == "6"
    assert counts["resources.Document"] == "1"
    assert counts["resources.DocumentUserGrant"] == "2"
    assert counts["auth.Group"] == "1"
    assert "Its 6 users are kept, 5 of them without any other tenant." in said
    assert said.endswith("acme has been deleted.\n")
    after = everything()
    assert of("acme", after) == {}
    assert of("globex", after) == of("globex", before)
    assert after["users"] == before["users"]
    assert not any(name.startswith(f"tenant:{pk}:") for name in after["groups"])
    for model in (AccessChange, AccessRevision, Change, Membership, Profile, Document, Ticket):
        assert not model._base_manager.filter(tenant_id=pk).exists(), model
    for grants in (DocumentUserGrant, DocumentGroupGrant):
        assert not grants.objects.exclude(content_object__tenant__slug="globex").exists()


@pytest.mark.usefixtures("prompt")
def test_operators_log_keeps_no_names_of_a_deleted_tenants_objects(world: World) -> None:
    theirs = world.create("globex", "rival", title="Stays")
    for obj in (world.document, world.tenants["acme"], theirs, world.user("owner")):
        LogEntry.objects.log_actions(world.user("member").pk, [obj], CHANGE)
    said = run("delete_tenant", "acme", "--slug-again", "acme")
    assert re.search(r" 2  admin.LogEntry", said)
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"Stays", "owner"}


@pytest.mark.usefixtures("prompt")
def test_slug_is_asked_for_and_another_one_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, typed = everything(), iter(["globex", "", "acme "])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    for words in ([], [], [], ["--slug-again", "globex"], ["--slug-again", ""]):
        with pytest.raises(CommandError, match="nothing was deleted"):
            run("delete_tenant", "acme", *words)
    with pytest.raises(CommandError, match="does not exist"):
        run("delete_tenant", "nowhere", "--slug-again", "nowhere")
    assert everything() == before
    monkeypatch.setattr("builtins.input", lambda prompt: "acme")
    run("delete_tenant", "acme")
    assert not Tenant.objects.filter(slug="acme").exists()


@pytest.mark.usefixtures("prompt")
def test_suspended_tenant_is_deleted_and_its_slug_may_be_used_again(world: World) -> None:
    run("suspend_tenant", "acme")
    run("delete_tenant", "acme", "--slug-again", "acme")
    run("create_tenant", "acme", "--admin", "viewer")
    client = world.rest("viewer")
    assert client.get("/api/documents/").json()["results"] == []
    assert client.get("/api/members/").json()["count"] == 1


@pytest.mark.usefixtures("prompt")
async def test_live_sockets_of_a_deleted_tenant_are_closed_and_others_stay(world: World) -> None:
    async with (
        subscribed(world, "viewer") as viewer,
        await in_thread(connect)(world, "rival", "globex") as rival,
    ):
        await in_thread(run)("delete_tenant", "acme", "--slug-again", "acme")
        assert (await viewer.settle())[-1] == {"close": 4403}
        assert [frame["type"] for frame in await rival.settle()] == ["WELCOME"]

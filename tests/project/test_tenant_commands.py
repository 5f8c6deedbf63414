"""The operator's commands about tenants, from the terminal to live sockets."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from permissions.models import AccessChange, AccessRevision
from project.console import tenant_data
from project.console.tenant_command import TenantCommand
from realtime.models import Change
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tenants import revocations
from tenants.models import Membership, Tenant, Ticket, User
from tests.client import connect, in_thread, subscribed
from tests.world import World

Letters = list[EmailMessage]


def run(*words: str) -> str:
    """Run a command; what it says on both streams."""
    out = StringIO()
    call_command(*words, stdout=out, stderr=out)
    return out.getvalue()


def everything() -> dict[str, Any]:
    """All rows of both tenants, and all users and groups."""
    found: dict[str, Any] = {
        f"{tenant.slug} {queryset.model._meta.label}": list(queryset.values())
        for tenant in Tenant.objects.order_by("pk")
        for queryset in tenant_data.rows(tenant)
    }
    found["tenants"] = list(Tenant.objects.order_by("pk").values())
    found["users"] = list(User.objects.order_by("pk").values())
    found["groups"] = list(Group.objects.order_by("pk").values_list("name", flat=True))
    return found


def of(slug: str, state: dict[str, Any]) -> dict[str, Any]:
    """What a tenant has, but for the log of access: who leaves a group is looked at everywhere."""
    return {
        name: rows
        for name, rows in state.items()
        if name.startswith(slug) and "permissions.Access" not in name
    }


@pytest.mark.parametrize("command", ["suspend_tenant", "resume_tenant", "export_tenant"])
def test_unknown_tenant_is_an_error(world: World, command: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    more = ["--output", str(path)] if command == "export_tenant" else []
    before = everything()
    for slug in ("nowhere", "Acme", "", "acmes"):
        with pytest.raises(CommandError, match="There is no tenant"):
            run(command, slug, *more)
    assert everything() == before
    assert not path.exists()


def test_command_says_what_to_do_with_a_tenant(world: World) -> None:
    with pytest.raises(NotImplementedError):
        TenantCommand().handle(slug="acme")


# Creating


def test_tenant_is_created_with_a_new_admin_who_is_sent_a_link(
    world: World, mailoutbox: Letters, settings: Settings
) -> None:
    settings.PASSWORD_LINK = "https://app.example/#{user}/{token}"
    words = ("--name", "New Ltd", "--admin", "boss", "--email", "boss@example.com")
    said = run("create_tenant", "new", *words)
    assert "Created new; boss is its admin." in said
    assert "sent to boss@example.com" in said
    assert "https://" not in said
    [letter] = mailoutbox
    found = re.search(r"#(\w+)/(\S+)", str(letter.body))
    assert found
    user, token = found.groups()
    body = {"user": user, "token": token, "new": "a long enough phrase"}
    client = APIClient()
    assert client.post("/api/password/confirm/", body).status_code == 204
    login = {"username": "boss", "password": "a long enough phrase"}
    client.credentials(
        HTTP_AUTHORIZATION=f"Token {client.post('/api/login/', login).json()['token']}"
    )
    assert client.get("/api/me/").json()["role"] == "admin"
    assert Tenant.objects.get(slug="new").name == "New Ltd"


@pytest.mark.parametrize("backend", ["dummy", "console"])
def test_link_is_printed_where_no_email_goes(
    world: World, settings: Settings, backend: str
) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    said = run("create_tenant", "new", "--admin", "boss", "--email", "boss@example.com")
    assert "/password/#" in said
    assert Tenant.objects.get(slug="new").name == "new"


def test_without_a_page_that_sets_passwords_the_command_says_so(
    world: World, settings: Settings, mailoutbox: Letters
) -> None:
    settings.PASSWORD_LINK = ""
    said = run("create_tenant", "new", "--admin", "boss", "--email", "b@example.com")
    assert "Created new; boss is its admin." in said
    assert "127.0.0.1" not in said
    assert "EARSHOT_PASSWORD_LINK is not set" in said
    assert "manage.py changepassword boss" in said
    assert mailoutbox == []


def test_link_is_printed_for_who_has_no_email(world: World, mailoutbox: Letters) -> None:
    assert "/password/#" in run("create_tenant", "new", "--admin", "boss")
    assert mailoutbox == []


def test_link_is_printed_when_the_mail_server_is_down(world: World, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    said = run("create_tenant", "new", "--admin", "boss", "--email", "boss@example.com")
    assert "could not be sent" in said
    assert "/password/#" in said


def test_existing_user_becomes_the_admin_and_keeps_his_password(
    world: World, mailoutbox: Letters
) -> None:
    said = run("create_tenant", "new", "--admin", "viewer", "--email", "other@example.com")
    assert said == "Created new; viewer is its admin.\n"
    assert world.rest("viewer", "new").get("/api/members/").status_code == 200
    assert User.objects.get(username="viewer").email == "viewer@example.com"
    assert Profile.objects.get(tenant__slug="new").email == ""
    assert mailoutbox == []


@pytest.mark.parametrize(
    ("slug", "more", "said"),
    [
        ("acme", ("--admin", "boss"), "There is a tenant 'acme' already"),
        ("not a slug", ("--admin", "boss"), "valid"),
        ("x" * 51, ("--admin", "boss"), "50 characters"),
        ("new", ("--admin", "a b"), "valid username"),
        ("new", ("--admin", ""), "blank"),
        ("new", ("--admin", "boss", "--email", "nowhere"), "valid email"),
        ("new", ("--admin", "boss", "--name", ""), "blank"),
        ("new", ("--admin", "asleep"), "'asleep' is not active"),
        ("new", (), "--admin"),
    ],
)
def test_tenant_that_cannot_be_created_leaves_nothing(
    world: World, slug: str, more: tuple[str, ...], said: str, mailoutbox: Letters
) -> None:
    User.objects.create_user("asleep", is_active=False)
    before = everything()
    with pytest.raises(CommandError, match=said):
        run("create_tenant", slug, *more)
    assert everything() == before
    assert mailoutbox == []


# Suspending


async def test_suspended_tenant_is_closed_until_it_is_resumed(world: World) -> None:
    async with (
        subscribed(world, "viewer") as viewer,
        await in_thread(connect)(world, "rival", "globex") as rival,
    ):
        said = await in_thread(run)("suspend_tenant", "acme")
        assert said == "acme is suspended.\n"
        assert (await viewer.settle())[-1] == {"close": 4403}
        assert [frame["type"] for frame in await rival.settle()] == ["WELCOME"]
    refused = await in_thread(lambda: world.rest("viewer").get(world.url))()
    foreign = await in_thread(lambda: world.rest("rival", "acme").get(world.url))()
    assert (refused.status_code, refused.content) == (foreign.status_code, foreign.content)
    assert refused.json()["code"] == "tenant_forbidden"
    assert await in_thread(run)("suspend_tenant", "acme") == "acme is suspended already.\n"
    assert await in_thread(run)("resume_tenant", "acme") == "acme is active.\n"
    assert await in_thread(run)("resume_tenant", "acme") == "acme is active already.\n"
    async with subscribed(world, "viewer"):
        pass


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
    assert said == f"{sum(map(len, found.values()))} rows of acme are in {path}.\n"
    assert found["tenants.tenant"] == [
        {
            "id": world.tenants["acme"].pk,
            "slug": "acme",
            "name": "Acme",
            "is_active": True,
            "record_payloads": False,
            "limits": {},
        }
    ]
    assert {user["username"] for user in found["tenants.user"]} == {
        "admin", "both", "editor", "member", "owner", "viewer",
    }  # fmt: skip
    [document] = found["resources.document"]
    assert (document["id"], document["title"], document["budget"]) == (
        world.document.pk,
        "Plan",
        "10.00",
    )
    assert len(found["tenants.membership"]) == len(found["resources.profile"]) == 6
    assert {grant["user_id"] for grant in found["resources.documentusergrant"]} == {
        world.user(name).pk for name in ("owner", "editor", "viewer")
    }
    assert found["realtime.change"]
    assert found["permissions.accesschange"]
    text = path.read_text()
    assert theirs.title not in text
    assert "rival" not in text
    assert "password" not in text
    assert world.user("viewer").password not in text
    assert not {"tenants.ticket", "tenants.revocation"} & set(found)
    assert Ticket.objects.exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_export_tells_no_more_of_the_invited_than_their_username(
    world: World, tmp_path: Path
) -> None:
    place = {"tenant": world.tenants["acme"], "user": world.user("rival")}
    Membership.objects.create(**place, is_active=False, invited_at=timezone.now())
    run("export_tenant", "acme", "--output", str(tmp_path / "acme.jsonl"))
    people = exported(tmp_path / "acme.jsonl")["tenants.user"]
    assert [user for user in people if user["username"] == "rival"] == [
        {"id": world.user("rival").pk, "username": "rival"}
    ]


def test_export_overwrites_nothing(world: World, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("precious")
    for target in (path, tmp_path / "nowhere" / "rows"):
        with pytest.raises(CommandError, match="cannot be made"):
            run("export_tenant", "acme", "--output", str(target))
    assert path.read_text() == "precious"


def test_export_that_fails_leaves_no_half(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(tenant: Tenant) -> Any:
        yield {"model": "tenants.tenant", "row": {}}
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
    pk, before = world.tenants["acme"].pk, everything()
    said = run("delete_tenant", "acme", "--slug-again", "acme")
    counted = [line.split() for line in said.splitlines() if line.startswith("  ")]
    counts = {label: number for number, label in counted}
    assert counts["tenants.Membership"] == "6"
    assert counts["resources.Document"] == "1"
    assert counts["resources.DocumentUserGrant"] == "3"
    assert counts["auth.Group"] == "2"
    assert "Its 6 users stay; 5 of them are in no other tenant." in said
    assert said.endswith("acme is deleted.\n")
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
    with pytest.raises(CommandError, match="no tenant"):
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
    assert client.get("/api/documents/").json()["count"] == 0
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

"""The operator's commands about tenants, from the terminal to live sockets."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from project.console import tenant_data
from project.console.tenant_command import TenantCommand
from resources.models import Profile
from tenants.models import Tenant, User
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


@pytest.mark.parametrize("command", ["suspend_tenant", "resume_tenant", "export_tenant"])
def test_unknown_tenant_is_an_error(world: World, command: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    more = ["--output", str(path)] if command == "export_tenant" else []
    before = everything()
    for slug in ("nowhere", "Acme", "", "acmes"):
        with pytest.raises(CommandError, match=r"^Tenant .* does not exist"):
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


def test_existing_user_becomes_the_admin_and_keeps_their_password(
    world: World, mailoutbox: Letters
) -> None:
    said = run("create_tenant", "new", "--admin", "viewer", "--email", "other@example.com")
    assert said == "Created new; viewer is its admin.\n"
    assert world.rest("viewer", "new").get("/api/members/").status_code == 200
    assert User.objects.get(username="viewer").email == "viewer@example.com"
    assert Profile.objects.get(tenant__slug="new").email == ""
    assert mailoutbox == []


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("slug", "more", "said"),
    [
        ("acme", ("--admin", "boss"), "Tenant 'acme' already exists"),
        ("not a slug", ("--admin", "boss"), "^slug: .*valid.* Nothing was changed"),
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

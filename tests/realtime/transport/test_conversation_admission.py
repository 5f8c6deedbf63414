"""Who comes in through which door, and with which code the others are closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from project.asgi import application
from tenants.models import Membership, Tenant
from tests.client import SocketClient, in_thread
from tests.realtime.wire import socket, token
from tests.streams import communicator
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

HOST = {"host": "testserver"}


async def handshake(query: str = "", **headers: str) -> Mapping[str, Any]:
    """The first thing that a socket gets after it was accepted: a frame, or `{"close": code}`."""
    client = SocketClient(None)
    client.communicator = communicator(
        application,
        f"/ws/?{query}",
        [
            (name.encode(), value.encode())
            for name, value in {"host": "testserver", **headers}.items()
        ],
    )
    async with client:
        return await client.receive()


def suspend() -> None:
    Tenant.objects.filter(slug="acme").update(is_active=False)


def exclude() -> None:
    Membership.objects.filter(user__username="viewer", tenant__slug="acme").update(is_active=False)


@pytest.mark.parametrize(
    ("tenant", "prepare"),
    [("globex", None), ("unknown", None), ("ACME", None), ("acme", suspend), ("acme", exclude)],
    ids=["foreign", "unknown", "other case", "suspended", "inactive"],
)
async def test_everybody_without_a_place_in_the_tenant_is_closed_alike(
    world: World, tenant: str, prepare: Callable[[], None] | None
) -> None:
    client = await socket(world, "viewer", tenant)
    if prepare:
        await in_thread(prepare)()
    async with client:
        assert await client.receive() == {"close": 4403}


async def test_member_of_several_tenants_must_name_one(world: World) -> None:
    for absent in ("", "tenant="):
        header = f"Token {await token(world, 'both')}"
        assert await handshake(absent, authorization=header) == {"close": 4400}
    welcome = await handshake("tenant=globex", authorization=header)
    assert welcome["tenant"] == "globex"


async def test_ticket_opens_one_socket_in_its_tenant(world: World) -> None:
    def ticket() -> str:
        text: str = world.rest("both", "globex").post("/api/tickets/").json()["ticket"]
        return text

    first, second = [await in_thread(ticket)() for _ in range(2)]
    assert await handshake(f"ticket={first}&tenant=acme") == {"close": 4403}
    welcome = await handshake(f"ticket={second}&tenant=globex")
    assert (welcome["tenant"], welcome["user"]) == ("globex", world.user_id("both"))
    assert await handshake(f"ticket={second}") == {"close": 4401}


async def test_cookie_counts_only_from_an_allowed_origin(world: World, settings: Settings) -> None:
    def session() -> str:
        browser = Client()
        browser.force_login(world.user("viewer"), "django.contrib.auth.backends.ModelBackend")
        return f"sessionid={browser.session.session_key}"

    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example"]
    cookie = await in_thread(session)()
    for origin in ("http://testserver", "https://app.example"):
        assert (await handshake(cookie=cookie, origin=origin))["type"] == "WELCOME"
    assert await handshake(cookie=cookie, origin="https://evil.example") == {"close": 4401}
    assert await handshake(cookie=cookie, origin="null") == {"close": 4401}
    assert await handshake(cookie=cookie) == {"close": 4401}


async def test_token_counts_from_any_origin(world: World) -> None:
    header = f"Token {await token(world, 'viewer')}"
    welcome = await handshake(authorization=header, origin="https://evil.example")
    assert welcome["type"] == "WELCOME"


async def test_nobody_is_accepted_and_closed(world: World) -> None:
    assert await handshake() == {"close": 4401}
    assert await handshake(authorization="Token wrong") == {"close": 4401}
    assert await handshake("ticket=wrong") == {"close": 4401}
    assert await handshake(cookie="sessionid=wrong", origin="http://testserver") == {"close": 4401}

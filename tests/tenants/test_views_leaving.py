"""Tickets, and logging out, over REST."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from tenants.credentials import identify_socket
from tenants.models import Session, Tenant, Ticket, User
from tests.tenants.conftest import Heard, bearer, member, session_of
from tests.tenants.door import REFUSED, browser, exclude

pytestmark = pytest.mark.django_db


def socket(ticket: str) -> dict[str, Any]:
    return {"path": "/ws/", "query_string": f"ticket={ticket}".encode(), "headers": []}


def test_ticket_opens_a_socket_for_this_user_tenant_and_token(globex: Tenant, both: User) -> None:
    client = bearer(both)
    response = client.post("/api/tickets/", headers={"X-Tenant": "globex"})
    assert response.status_code == 201
    assert set(response.json()) == {"ticket", "expires_in"}
    assert response.json()["expires_in"] == 30
    assert response["Cache-Control"] == "private, no-store"
    identity = identify_socket(socket(response.json()["ticket"]))
    assert (identity.user_id, identity.tenant_id) == (both.pk, globex.pk)
    token = AuthToken.objects.get()
    assert (identity.credential.key, identity.credential.expires_at) == (token.pk, token.expiry)


def test_ticket_of_a_session_ends_with_the_session(owner: User) -> None:
    client = browser(owner)
    first, second = (client.post("/api/tickets/").json()["ticket"] for _ in range(2))
    assert identify_socket(socket(first)).credential.kind == "session"
    client.logout()
    assert Ticket.objects.count() == 1
    with pytest.raises(Exception, match="valid token"):
        identify_socket(socket(second))


def test_ticket_needs_a_tenant(both: User) -> None:
    response = bearer(both).post("/api/tickets/")
    assert (response.status_code, response.json()["code"]) == (400, "tenant_required")


def test_logout_ends_this_token_only(owner: User, acme: Tenant, heard: Heard) -> None:
    client, other = bearer(owner), bearer(owner)
    session_of(owner)
    heard.clear()
    assert client.post("/api/logout/").status_code == 204
    assert client.get("/api/me/").status_code == 401
    assert other.get("/api/me/").status_code == 200
    assert Session.objects.exists()
    assert heard.rows() == [(acme.pk, owner.pk, "credential")]


def test_logout_ends_this_session_only(owner: User, acme: Tenant, heard: Heard) -> None:
    client, other = browser(owner), bearer(owner)
    heard.clear()
    assert client.post("/api/logout/").status_code == 204
    assert client.get("/api/me/").status_code == 401
    assert other.get("/api/me/").status_code == 200
    assert heard.rows() == [(acme.pk, owner.pk, "credential")]


@pytest.mark.parametrize("way", [bearer, browser])
def test_logoutall_ends_every_token_and_session_of_the_user(
    acme: Tenant, owner: User, way: Callable[[User], APIClient]
) -> None:
    others = [bearer(owner), browser(owner)]
    stranger = bearer(member("stranger", acme))
    client = way(owner)
    client.post("/api/tickets/")
    assert client.post("/api/logoutall/").status_code == 204
    assert {c.get("/api/me/").status_code for c in (client, *others)} == {401}
    assert not Ticket.objects.exists()
    assert stranger.get("/api/me/").status_code == 200


@pytest.mark.parametrize("path", ["/api/logout/", "/api/logoutall/"])
def test_nobody_cannot_log_out(path: str) -> None:
    response = Client().post(path)
    assert (response.status_code, response.json()) == (401, REFUSED)


def test_user_who_is_in_no_tenant_can_log_out(owner: User) -> None:
    client = bearer(owner)
    exclude(owner)
    assert client.post("/api/logout/").status_code == 204

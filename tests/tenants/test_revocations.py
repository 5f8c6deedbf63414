"""A credential that an admin ended in one tenant: good elsewhere, and none there in any way."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import Client, RequestFactory
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.request import Request
from rest_framework.test import APIClient

from tenants import revocations
from tenants.credentials import identify_socket, issue_ticket
from tenants.models import Membership, Revocation, Session, Tenant, User
from tenants.refused import NotAuthenticated
from tenants.rest import key_of
from tests.tenants.conftest import bearer, member, session_of
from tests.tenants.door import ended, handshake, session_credential, token_credential

pytestmark = pytest.mark.django_db

NOT_AUTHENTICATED = {
    "detail": "Provide a valid token, session or ticket.",
    "code": "not_authenticated",
}


def browser(user: User) -> APIClient:
    client = APIClient()
    session_of(user, client)
    return client


def revoke_all(tenant: Tenant) -> None:
    for kind, model in (("token", AuthToken), ("session", Session)):
        for key in model.objects.values_list("pk", flat=True):
            revocations.revoke(tenant.pk, (kind, key))


@pytest.mark.parametrize("client_of", [bearer, browser])
def test_revoked_credential_is_401_there_and_good_elsewhere(
    acme: Tenant, globex: Tenant, both: User, client_of: Callable[[User], APIClient]
) -> None:
    client, other = client_of(both), member("other", acme)
    revoke_all(acme)
    for method, path in [
        ("get", "me"),
        ("post", "tickets"),
        ("get", "members"),
    ]:
        answer = getattr(client, method)(f"/api/{path}/", headers={"X-Tenant": "acme"})
        assert (answer.status_code, answer.json()) == (401, NOT_AUTHENTICATED), path
        assert getattr(client, method)(
            f"/api/{path}/", headers={"X-Tenant": "globex"}
        ).status_code in (
            200,
            201,
            403,
        ), path
    assert len(client.get("/api/tenants/").json()["results"]) == 2
    assert client_of(both).get("/api/me/", headers={"X-Tenant": "acme"}).status_code == 200
    assert client_of(other).get("/api/me/").status_code == 200


def test_revoked_in_the_only_tenant_is_401_without_naming_it(acme: Tenant, owner: User) -> None:
    client = bearer(owner)
    revoke_all(acme)
    assert client.get("/api/me/").status_code == 401
    assert client.post("/api/logout/").status_code == 204


def test_revoked_credential_of_several_tenants_still_has_to_say_which(
    acme: Tenant, both: User
) -> None:
    client = bearer(both)
    revoke_all(acme)
    assert client.get("/api/me/").json()["code"] == "tenant_required"


@pytest.mark.parametrize("credential_of", [token_credential, session_credential])
def test_tickets_of_a_revoked_credential_open_no_socket_there(
    acme: Tenant, globex: Tenant, both: User, credential_of: Callable[[User], Any]
) -> None:
    credential = credential_of(both)
    here, there = (issue_ticket(both, tenant, credential)[0] for tenant in (acme, globex))
    revoke_all(acme)
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(f"ticket={here}"))
    assert identify_socket(handshake(f"ticket={there}")).tenant_slug == "globex"


def test_revoked_token_opens_no_socket_there(acme: Tenant, globex: Tenant, both: User) -> None:
    row, text = AuthToken.objects.create(both)
    revocations.revoke(acme.pk, ("token", row.pk))
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake("tenant=acme", authorization=f"Token {text}"))
    there = identify_socket(handshake("tenant=globex", authorization=f"Token {text}"))
    assert there.tenant_slug == "globex"


def test_open_sockets_of_it_end_there_only(acme: Tenant, globex: Tenant, both: User) -> None:
    revoked = token_credential(both), session_credential(both)
    revoke_all(acme)
    good = token_credential(both)
    held = [(both.pk, tenant.pk, c) for tenant in (acme, globex) for c in (*revoked, good)]
    assert ended(held) == dict.fromkeys([(both.pk, acme.pk, c) for c in revoked], 4401)
    both.memberships.all().delete()
    assert set(ended(held).values()) == {4401, 4403}


def test_kinds_are_not_mixed_up(acme: Tenant, owner: User) -> None:
    client, token = bearer(owner), AuthToken.objects.get()
    revocations.revoke(acme.pk, ("session", token.pk))
    assert client.get("/api/me/").status_code == 200


def test_revoking_twice_is_revoking(acme: Tenant, owner: User) -> None:
    for _ in range(2):
        revocations.revoke(acme.pk, ("token", "x"))
    assert str(Revocation.objects.get()) == f"a token in {acme.pk}"


@pytest.mark.parametrize("expired", [False, True])
def test_what_ended_everywhere_is_forgotten(acme: Tenant, owner: User, expired: bool) -> None:
    token_credential(owner), session_credential(owner)
    revoke_all(acme)
    if expired:
        AuthToken.objects.update(expiry=timezone.now())
        Session.objects.update(expire_date=timezone.now())
    AuthToken.objects.all().delete()
    assert [row.kind for row in Revocation.objects.all()] == ["session"]
    Session.objects.all().delete()
    assert not Revocation.objects.exists()


def test_what_ended_where_no_hook_saw_it_is_forgotten_in_time(acme: Tenant, owner: User) -> None:
    token_credential(owner), session_credential(owner)
    revoke_all(acme)
    for kind in ("token", "session"):
        revocations.revoke(acme.pk, (kind, "gone"))
    assert revocations.forget_ended() == 2
    assert Revocation.objects.count() == 2
    assert revocations.forget_ended() == 0


def test_revoked_credential_neither_accepts_nor_leaves_there(
    acme: Tenant, globex: Tenant, both: User
) -> None:
    client, fresh = bearer(both), bearer(both)
    revocations.revoke(acme.pk, ("token", AuthToken.objects.order_by("created").first().pk))
    answer = client.delete("/api/tenants/acme/")
    assert (answer.status_code, answer.json()) == (401, NOT_AUTHENTICATED)
    both.memberships.filter(tenant=acme).update(is_active=False, invited_at=timezone.now())
    assert client.post("/api/tenants/acme/accept/").status_code == 401
    assert client.delete("/api/tenants/globex/").status_code == 204
    assert fresh.post("/api/tenants/acme/accept/").status_code == 204
    assert Membership.objects.filter(user=both).count() == 1


@pytest.mark.parametrize("way", ["sync", "async"])
def test_renewed_session_is_revoked_where_the_old_one_was(
    acme: Tenant, globex: Tenant, both: User, way: str
) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session = store(session_of(both))
    revocations.revoke(acme.pk, ("session", session.session_key))
    old = session.session_key
    if way == "sync":
        session.cycle_key()
    else:
        async_to_sync(session.acycle_key)()
    session.save()
    assert session.session_key != old
    assert Revocation.objects.get().key == session.session_key
    client = APIClient()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    codes = [
        client.get("/api/me/", headers={"X-Tenant": t}).status_code for t in ("acme", "globex")
    ]
    assert codes == [401, 200]


def test_who_logs_in_again_in_the_same_browser_is_let_in(acme: Tenant, owner: User) -> None:
    client = Client()
    revocations.revoke(acme.pk, ("session", session_of(owner, client)))
    assert client.get("/api/me/").status_code == 401
    session_of(owner, client)
    assert client.get("/api/me/").status_code == 200


def test_login_for_a_token_lets_no_session_in_again(acme: Tenant, owner: User, both: User) -> None:
    """Nor that of another user, whose cookie came along."""
    client = Client()
    revocations.revoke(acme.pk, ("session", session_of(owner, client)))
    login = {"username": "both", "password": "secret"}
    answer = client.post("/api/login/", login, content_type="application/json")
    assert answer.status_code == 200
    assert client.get("/api/me/").status_code == 401


def test_session_that_is_nobodys_yet_is_renewed(db: None) -> None:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.cycle_key()
    assert session.session_key


def test_credential_of_another_project_has_no_key() -> None:
    request = Request(RequestFactory().get("/"))
    assert key_of(request) is None
    request.auth = object()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore("a" * 32)
    assert key_of(request) is None

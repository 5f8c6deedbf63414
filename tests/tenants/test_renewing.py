"""Renewing: a new token in the place of an old one, and a socket that goes on by another one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants import revocations
from tenants.credentials import Credential, Held, Identity, identify_socket, issue_ticket
from tenants.models import Membership, Renewal, Revocation, Tenant, User
from tenants.refused import NotAuthenticated, Refused, TenantForbidden
from tenants.renewing import renew_identity, renew_token
from tenants.validity import validity
from tests.tenants.conftest import bearer, member, session_of, token_of
from tests.tenants.door import REFUSED, ended, handshake, ticket_of, token_credential

pytestmark = pytest.mark.django_db


def with_token(text: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Token {text}"})


def renewed(client: APIClient) -> APIClient:
    """A client with the token that this one's was renewed to."""
    answer = client.post("/api/token/")
    assert answer.status_code == 200
    return with_token(answer.json()["token"])


def held(user: User, tenant: Tenant, token: Any) -> Held:
    return user.pk, tenant.pk, Credential("token", token.pk, token.expiry)


def identity(user: User, tenant: Tenant, credential: Credential) -> Identity:
    return Identity(user.pk, tenant.pk, tenant.slug, "member", credential)


# The token.


def test_new_token_works_as_long_as_one_of_a_login_and_the_old_one_no_more(owner: User) -> None:
    AuthToken.objects.create(owner, expiry=timedelta(minutes=5))
    old = bearer(owner)
    answer = old.post("/api/token/")
    assert (answer.status_code, set(answer.json())) == (200, {"token", "expiry", "user"})
    assert answer["Cache-Control"] == "private, no-store"
    new = with_token(answer.json()["token"])
    assert new.get("/api/me/").json()["user"] == answer.json()["user"]
    for ended_one in (old.get("/api/me/"), old.post("/api/token/")):
        assert (ended_one.status_code, ended_one.json()) == (401, REFUSED)


def test_who_has_a_session_or_nothing_renews_no_token(owner: User) -> None:
    client = APIClient()
    assert client.post("/api/token/").status_code == 401
    session_of(owner, client)
    assert client.post("/api/token/").status_code == 401


def test_tickets_of_the_old_token_open_nothing(acme: Tenant, owner: User) -> None:
    token, text = AuthToken.objects.create(owner)
    ticket, _ = issue_ticket(owner, acme, Credential("token", token.pk, token.expiry))
    other = ticket_of(owner, acme)
    renewed(with_token(text))
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(f"ticket={ticket}"))
    assert identify_socket(handshake(f"ticket={other}")).user_id == owner.pk


def test_of_two_at_once_one_gets_a_token(owner: User) -> None:
    token, _ = AuthToken.objects.create(owner)
    renew_token(owner, token)
    with pytest.raises(NotAuthenticated):
        renew_token(owner, token)
    assert AuthToken.objects.count() == 2


def test_password_that_changed_meanwhile_gives_no_token(owner: User) -> None:
    token, _ = AuthToken.objects.create(owner)
    User.objects.filter(pk=owner.pk).update(password="changed")
    with pytest.raises(NotAuthenticated):
        renew_token(owner, token)


def test_sockets_of_the_old_token_may_stay_as_long_as_a_ticket(
    acme: Tenant, owner: User, settings: Settings
) -> None:
    token, _ = AuthToken.objects.create(owner)
    renew_token(owner, token)
    place = held(owner, acme, token)
    until = validity([place])[place].expires_at
    assert until is not None
    assert timedelta() < until - timezone.now() <= timedelta(seconds=30)
    AuthToken.objects.filter(pk=token.pk).update(expiry=timezone.now())
    assert ended([place]) == {place: 4401}


@pytest.mark.parametrize("seconds", [5, None])
def test_renewing_lengthens_nothing_of_the_old_token(owner: User, seconds: int | None) -> None:
    expiry = None if seconds is None else timedelta(seconds=seconds)
    token, _ = AuthToken.objects.create(owner, expiry=expiry)
    renew_token(owner, token)
    left = AuthToken.objects.get(pk=token.pk).expiry - timezone.now()
    assert left <= timedelta(seconds=seconds or 30)


def test_logout_by_the_new_token_ends_the_old_ones_sockets_too(acme: Tenant, owner: User) -> None:
    token, text = AuthToken.objects.create(owner)
    last = renewed(renewed(with_token(text)))
    assert last.post("/api/logout/").status_code == 204
    assert ended([held(owner, acme, token)]) == {held(owner, acme, token): 4401}
    assert not AuthToken.objects.exists()


# Revocations.


def revoke(tenant: Tenant, kind: str, key: str) -> None:
    revocations.revoke(tenant.pk, (kind, key))


def status(client: APIClient, tenant: str) -> int:
    return client.get("/api/me/", headers={"X-Tenant": tenant}).status_code


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_what_is_renewed_is_revoked_where_the_old_one_is(
    acme: Tenant, globex: Tenant, both: User, when: str
) -> None:
    token, text = AuthToken.objects.create(both)
    if when == "before":
        revoke(acme, "token", token.pk)
    client = renewed(with_token(text))
    if when == "between":
        revoke(acme, "token", token.pk)
    client = renewed(client)
    if when == "after":
        revoke(acme, "token", token.pk)
    assert (status(client, "acme"), status(client, "globex")) == (401, 200)


def test_what_was_renewed_stays_good_where_only_another_token_is_revoked(
    acme: Tenant, owner: User
) -> None:
    client = renewed(bearer(owner))
    revoke(acme, "token", AuthToken.objects.create(owner)[0].pk)
    assert status(client, "acme") == 200


def test_session_that_is_renewed_while_it_is_revoked_is_revoked(acme: Tenant, owner: User) -> None:
    client = APIClient()
    key = session_of(owner, client)
    session = client.session
    session.cycle_key()
    client.cookies["sessionid"] = str(session.session_key)
    assert status(client, "acme") == 200
    revoke(acme, "session", key)  # it waited until the old one's row was gone
    assert status(client, "acme") == 401


def test_notes_of_renewals_go_with_what_was_renewed(owner: User) -> None:
    token, text = AuthToken.objects.create(owner)
    client = APIClient()
    session_of(owner, client)
    client.session.cycle_key()
    revocations.forget_renewals()  # of the session that the login renewed, and this one renewed
    renewed(with_token(text))
    assert revocations.forget_renewals() == 0
    AuthToken.objects.exclude(pk=token.pk)._raw_delete("default")  # past the hooks
    assert revocations.forget_renewals() == 1
    assert [row.kind for row in Renewal.objects.all()] == ["session"]
    assert not Revocation.objects.exists()


# What a socket came in by.


def test_ticket_of_another_credential_renews_a_socket(acme: Tenant, owner: User) -> None:
    Membership.objects.update(role="admin")
    old, new = token_credential(owner), token_credential(owner)
    ticket, _ = issue_ticket(owner, acme, new)
    found = renew_identity(identity(owner, acme, old), ticket)
    assert (found.credential, found.role, found.user_id) == (new, "admin", owner.pk)
    with pytest.raises(NotAuthenticated):  # each opens, or renews, once
        renew_identity(found, ticket)


def test_ticket_of_anybody_else_or_elsewhere_renews_nothing_and_stays_good(
    acme: Tenant, globex: Tenant, both: User
) -> None:
    mine = identity(both, acme, token_credential(both))
    others = ticket_of(member("other", acme), acme), ticket_of(both, globex)
    for ticket in (*others, "", "\0", "x" * 9_000):
        with pytest.raises(NotAuthenticated):
            renew_identity(mine, ticket)
    for ticket in others:
        assert identify_socket(handshake(f"ticket={ticket}"))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda user, key: user.memberships.update(is_active=False), TenantForbidden),
        (lambda user, key: AuthToken.objects.all().delete(), NotAuthenticated),
        (lambda user, key: User.objects.update(is_active=False), NotAuthenticated),
        (
            lambda user, key: revocations.revoke(Tenant.objects.get().pk, ("token", key)),
            NotAuthenticated,
        ),
    ],
)
def test_who_may_not_come_in_renews_nothing(
    acme: Tenant, owner: User, change: Any, error: type[Refused]
) -> None:
    credential = token_credential(owner)
    ticket, _ = issue_ticket(owner, acme, credential)
    change(owner, credential.key)
    with pytest.raises(error):
        renew_identity(identity(owner, acme, credential), ticket)


def test_token_of_login_is_found_by_no_empty_key(owner: User) -> None:
    """Whoever renews leaves a row with an empty beginning; no header names it."""
    renewed(bearer(owner))
    for header in ("Token ", "Token  ", 'Token ""', "Token x"):
        answer = APIClient(headers={"Authorization": header}).get("/api/me/")
        assert answer.status_code == 401
    assert token_of(owner)

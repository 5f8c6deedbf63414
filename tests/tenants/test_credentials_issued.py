"""Tickets and tokens: who gets one, and how often and how long a ticket opens a socket."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings

from tenants.credentials import TokenAuthentication, identify_socket, issue_token
from tenants.models import Tenant, Ticket, User
from tenants.refused import NotAuthenticated, TenantForbidden, WrongLogin
from tests.tenants.door import exclude, handshake, ticket_of

pytestmark = pytest.mark.django_db


# Tickets


def test_ticket_is_used_once(acme: Tenant, owner: User) -> None:
    scope = handshake(f"ticket={ticket_of(owner, acme)}")
    identify_socket(scope)
    with pytest.raises(NotAuthenticated):
        identify_socket(scope)


@pytest.mark.django_db(transaction=True)
def test_ticket_used_several_times_at_once_opens_one_socket(acme: Tenant, owner: User) -> None:
    scope = handshake(f"ticket={ticket_of(owner, acme)}")

    def use(_: int) -> int | None:
        try:
            return identify_socket(scope).user_id
        except NotAuthenticated:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(8)), key=bool) == [None] * 7 + [owner.pk]


def test_ticket_is_stored_as_a_digest(acme: Tenant, owner: User) -> None:
    text = ticket_of(owner, acme)
    assert text not in str(Ticket.objects.values().get())


def test_ticket_expires_and_is_cleared_up(
    acme: Tenant, owner: User, both: User, settings: Settings
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"ticket_seconds": 5}
    scope = handshake(f"ticket={ticket_of(owner, acme)}")
    ticket_of(both, acme)
    left = Ticket.objects.get(user=owner).expires_at - timezone.now()
    assert timedelta(0) < left <= timedelta(seconds=5)
    Ticket.objects.update(expires_at=timezone.now())
    with pytest.raises(NotAuthenticated):
        identify_socket(scope)
    ticket_of(owner, acme)
    assert Ticket.objects.filter(user=owner).count() == 1
    assert Ticket.objects.count() == 2


def test_ticket_for_one_tenant_is_none_for_another(
    acme: Tenant, globex: Tenant, both: User
) -> None:
    for slug in ("globex", "unknown"):
        with pytest.raises(TenantForbidden):
            identify_socket(handshake(f"ticket={ticket_of(both, acme)}&tenant={slug}"))
    same = handshake(f"ticket={ticket_of(both, acme)}&tenant=acme")
    assert identify_socket(same).tenant_id == acme.pk


def test_ticket_ends_with_its_credential(acme: Tenant, owner: User) -> None:
    ticket = ticket_of(owner, acme)
    AuthToken.objects.all().delete()
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(f"ticket={ticket}"))


def test_ticket_ends_with_the_membership(acme: Tenant, owner: User) -> None:
    ticket = ticket_of(owner, acme)
    exclude(owner)
    with pytest.raises(TenantForbidden):
        identify_socket(handshake(f"ticket={ticket}"))


# Tokens


@pytest.mark.parametrize("change", [{"password": "!"}, {"is_active": False}])
def test_no_token_for_a_password_that_was_right_before_it_changed(
    owner: User, change: dict[str, Any]
) -> None:
    User.objects.update(**change)
    with pytest.raises(WrongLogin):
        issue_token(owner)
    assert not AuthToken.objects.exists()


def test_project_that_renews_tokens_with_their_use_has_them_renewed(
    owner: User, settings: Settings
) -> None:
    row, text = issue_token(owner)
    settings.REST_KNOX = {"AUTO_REFRESH": True, "TOKEN_TTL": timedelta(days=9)}
    soon = timezone.now() + timedelta(hours=1)
    AuthToken.objects.filter(pk=row.pk).update(expiry=soon)
    found = TokenAuthentication().authenticate_credentials(text.encode())
    assert found == (owner, row)
    assert AuthToken.objects.get(pk=row.pk).expiry > soon + timedelta(days=8)

"""Passwords and credentials that end take each other along, whoever writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import update_session_auth_hash
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from tenants.credentials import Credential, issue_ticket, issue_token
from tenants.ended_credentials import end_credentials
from tenants.models import Session, Tenant, Ticket, User
from tenants.sessions import SessionStore
from tests.tenants.conftest import Heard, bearer, session_of, token_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def quiet(both: User, heard: Heard) -> Heard:
    """What is heard from here on, with `both` in both tenants."""
    heard.clear()
    return heard


def test_clearing_up_what_had_expired_is_silent(quiet: Heard, both: User) -> None:
    expired = bearer(both)
    token_of(both)
    session_of(both)
    past = timezone.now() - timedelta(seconds=1)
    AuthToken.objects.update(expiry=past)
    Session.objects.update(expire_date=past)
    quiet.clear()
    expired.get("/api/me/")
    assert AuthToken.objects.count() == 1  # the one that came with it is gone
    issue_token(both)
    SessionStore.clear_expired()
    assert (AuthToken.objects.count(), Session.objects.count()) == (1, 0)
    assert quiet.rows() == []


def test_login_and_its_use_touch_nobody(quiet: Heard, both: User) -> None:
    token_of(both)
    session_of(both, Client())
    bearer(both).get("/api/me/")
    assert quiet.rows() == []


def credentials_left() -> tuple[int, int, int]:
    return AuthToken.objects.count(), Session.objects.count(), Ticket.objects.count()


def give_credentials(user: User, tenant: Tenant) -> None:
    token_of(user)
    issue_ticket(user, tenant, Credential("session", session_of(user), None))


def save(user: User) -> None:
    user.set_password("another")
    user.save()


def by_sql(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE earshot_tenants_user SET password = '!' WHERE id = %s", [user.pk])


@pytest.mark.each_case
@pytest.mark.parametrize(
    "change",
    [
        save,
        lambda user: User.objects.filter(pk=user.pk).update(password="!"),
        lambda user: User._base_manager.filter(pk=user.pk).update(password="!"),
        lambda user: User.objects.bulk_update([User(pk=user.pk, password="!")], ["password"]),
        by_sql,
    ],
)
def test_changed_password_ends_their_credentials_and_no_others(
    acme: Tenant, both: User, owner: User, change: Callable[[User], object]
) -> None:
    give_credentials(both, acme)
    give_credentials(owner, acme)
    change(both)
    assert credentials_left() == (1, 1, 1)
    assert Session.objects.get().user == owner


def test_password_that_is_hashed_anew_ends_no_token(quiet: Heard, acme: Tenant, both: User) -> None:
    give_credentials(both, acme)
    quiet.clear()
    both._store_new_hash("secret")
    assert credentials_left() == (1, 1, 1)
    assert {cause for _, _, cause in quiet.rows()} == {"password"}
    save(both)  # the mark is gone
    assert credentials_left() == (0, 0, 0)


def test_session_that_changed_the_password_goes_on_under_a_new_key(
    both: User, acme: Tenant
) -> None:
    request = HttpRequest()
    request.session = SessionStore(session_of(both))
    request.user = both
    both.set_password("another")
    both.save()
    update_session_auth_hash(request, both)
    assert Session.objects.get().pk == request.session.session_key


def test_all_credentials_end_together(quiet: Heard, acme: Tenant, both: User) -> None:
    give_credentials(both, acme)
    quiet.clear()
    end_credentials([both.pk])
    assert credentials_left() == (0, 0, 0)
    tenants = both.memberships.values_list("tenant_id", flat=True)
    assert set(quiet.rows()) == {(tenant, both.pk, "credential") for tenant in tenants}

"""Other credentials than ours: who is refused with them, and what ends those that have no rows."""

from __future__ import annotations

from datetime import UTC, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone
from knox.settings import knox_settings
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from tenants import authenticators
from tenants.credentials import identify_socket
from tenants.limits import limits
from tenants.models import Tenant, User
from tenants.refused import NotAuthenticated
from tenants.rest import credential_of
from tests.tenants.door import handshake
from tests.tenants.test_authenticators import (
    Claims,
    Remote,
    asked,
    header,
    others,
    stored,
    token_of,
)
from tests.world import World

__all__ = ["others", "stored"]


class Strict(TokenAuthentication):
    """Refuses tokens that are good, unless they come with a pass."""

    def authenticate(self, request: Any) -> Any:
        found = super().authenticate(request)
        if found and "X-Pass" not in request.headers:
            raise exceptions.PermissionDenied
        return found


def test_tokens_whose_app_is_not_installed_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_settings, "DEFAULT_AUTHENTICATION_CLASSES", [TokenAuthentication])
    assert [each.kind for each in authenticators.others()] == ["jwt", "accepted"]


class Bearer(TokenAuthentication):
    keyword = "Bearer"


@pytest.mark.django_db(transaction=True)
def test_class_that_refuses_a_stored_token_is_asked(
    stored: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(stored, "viewer").key
    rest = APIClient(headers={"Authorization": f"Token {token}", "X-Tenant": "acme"})
    with monkeypatch.context() as patch:
        patch.setattr(apps, "is_installed", lambda name: True)
        for classes in ([], [Bearer], [Strict]):
            patch.setattr(api_settings, "DEFAULT_AUTHENTICATION_CLASSES", classes)
            assert rest.get("/api/me/").status_code == 401
            with pytest.raises(NotAuthenticated):
                header(f"Token {token}")
        answer = rest.post("/api/tickets/", headers={"X-Pass": "yes"})
        here = identify_socket(handshake(f"ticket={answer.json()['ticket']}"))
        assert here.credential.kind == "accepted"
        with pytest.raises(NotAuthenticated):
            identify_socket(handshake(authorization=f"Token {token}", **{"x-pass": "yes"}))


@pytest.mark.django_db(transaction=True)
def test_token_that_no_database_takes_is_not_looked_for(
    stored: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rest = APIClient(headers={"Authorization": "Token a\0b"})
    with django_assert_num_queries(0):
        assert rest.get("/api/me/").status_code == 401
        with pytest.raises(NotAuthenticated):
            header("Token a\0b")


class Stateless(BaseAuthentication):
    """Claims say who it is, without a row."""

    def authenticate(self, request: Any) -> Any:
        key = int(request.headers["X-Key"])
        return SimpleNamespace(pk=key, is_authenticated=True), {
            "exp": timezone.now().timestamp() + 60
        }


@pytest.mark.django_db
def test_user_who_is_only_named_by_claims_is_looked_for(owner: User) -> None:
    for key, found in ((owner.pk, [owner]), (0, [])):
        held = credential_of(asked(Stateless, **{"X-Key": str(key)}))
        assert [user for user, _ in authenticators.good([(held.kind, held.key)])] == found


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [10**12, 10**30, float("inf"), float("nan")])
def test_time_that_is_none_lets_nobody_in(
    others: None, acme: Tenant, owner: User, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    claims = (owner, {"exp": seconds * 1000})
    monkeypatch.setattr(Claims, "authenticate", lambda self, request: claims)
    rest = APIClient(headers={"Authorization": "Bearer x"})
    assert rest.get("/api/me/").status_code == 401
    with pytest.raises(NotAuthenticated):
        header("Bearer x")


@pytest.mark.django_db
def test_logout_with_claims_deletes_nothing(others: None, acme: Tenant, owner: User) -> None:
    rest = APIClient(headers={"Authorization": "Bearer owner:60"})
    assert rest.post("/api/logout/").status_code == 204
    assert rest.get("/api/me/").status_code == 200


@pytest.mark.django_db
def test_changed_password_ends_what_has_no_rows(
    others: None, acme: Tenant, owner: User, settings: Settings
) -> None:
    kept = [
        header("Bearer owner:60").credential,
        credential_of(asked(Remote, **{"X-User": "owner"})),
    ]

    def left() -> int:
        return len([*authenticators.good((each.kind, each.key) for each in kept)])

    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert left() == 2
    User.objects.update(password="!")
    assert left() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("zone", [UTC, None])
def test_accepted_ends_with_its_row_and_where_tokens_do_not_end_at_all(
    owner: User, monkeypatch: pytest.MonkeyPatch, zone: Any
) -> None:
    monkeypatch.setattr(knox_settings, "TOKEN_TTL", None)
    request = asked(Remote, **{"X-User": "owner"})
    hours = timedelta(hours=limits()["token_hours"])
    ends = credential_of(request).expires_at
    assert ends is not None
    assert ends <= timezone.now() + hours
    soon = (timezone.now() + timedelta(minutes=1)).replace(microsecond=0)
    own = soon if zone else timezone.make_naive(soon)
    request.auth = SimpleNamespace(expires=own)
    assert credential_of(request).expires_at == soon

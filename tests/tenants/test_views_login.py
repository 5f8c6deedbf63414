"""Coming in with a username and a password, over REST."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.models import Membership, Tenant, User
from tenants.opaque import encode
from tests.tenants.conftest import Heard, token_of
from tests.tenants.door import browser, deactivate

pytestmark = pytest.mark.django_db

WRONG = {"detail": "Wrong username or password.", "code": "not_authenticated"}


def log_in(username: Any = "owner", password: Any = "secret", **more: Any) -> Any:
    return APIClient().post("/api/login/", {"username": username, "password": password, **more})


def test_login_gives_a_token_that_works(acme: Tenant, owner: User, settings: Settings) -> None:
    response = log_in()
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"token", "expiry", "user"}
    assert body["user"] == encode(User, owner.pk)
    left = datetime.fromisoformat(body["expiry"]) - timezone.now()
    assert timedelta(hours=9.9) < left <= timedelta(hours=10)
    assert response["Cache-Control"] == "private, no-store"
    client = APIClient(headers={"Authorization": f"Token {body['token']}"})
    assert client.get("/api/me/").json() == {
        "user": body["user"],
        "username": "owner",
        "tenant": "acme",
        "role": "member",
    }


def test_login_is_remembered_and_ends_nothing(owner: User, heard: Heard) -> None:
    token_of(owner)
    heard.clear()
    log_in()
    owner.refresh_from_db()
    assert owner.last_login
    assert AuthToken.objects.count() == 2
    assert heard.rows() == []


def test_user_without_any_tenant_may_log_in(owner: User) -> None:
    Membership.objects.all().delete()
    assert log_in().status_code == 200


@pytest.mark.parametrize(
    ("prepare", "credentials"),
    [
        (lambda user: None, ("owner", "wrong")),
        (lambda user: None, ("owner", " secret ")),
        (lambda user: None, ("nobody", "secret")),
        (lambda user: None, ("Owner", "secret")),
        (lambda user: None, (" owner", "secret")),
        (deactivate, ("owner", "secret")),
        (lambda user: user.set_unusable_password() or user.save(), ("owner", "secret")),
    ],
)
def test_bad_login_does_not_say_what_was_wrong(
    owner: User, prepare: Callable[[User], object], credentials: tuple[str, str]
) -> None:
    prepare(owner)
    response = log_in(*credentials)
    assert (response.status_code, response.json()) == (401, WRONG)
    assert response["WWW-Authenticate"] == "Token"
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"username", "password"}),
        ({"username": "owner"}, {"password"}),
        ({"username": "owner", "password": ""}, {"password"}),
        ({"username": 5, "password": True}, {"username", "password"}),
        ({"username": None, "password": ["secret"]}, {"username", "password"}),
        ({"username": "owner\0", "password": "secret"}, {"username"}),
        ({"username": "owner", "password": "secret", "otp": 1}, {"otp"}),
        ([], {"non_field_errors"}),
    ],
)
def test_malformed_login_names_the_field(owner: User, body: Any, wrong: set[str]) -> None:
    response = APIClient().post("/api/login/", body)
    assert response.status_code == 400
    assert set(response.json()) == wrong


def test_login_that_is_no_json_is_said_to_be_none() -> None:
    response = APIClient().post("/api/login/", "{", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "parse_error")


def test_login_does_not_look_at_other_credentials(owner: User) -> None:
    client = browser(owner, checks=True)
    client.credentials(HTTP_AUTHORIZATION="Token bad")
    response = client.post("/api/login/", {"username": "owner", "password": "secret"})
    assert response.status_code == 200


def test_eleventh_failure_in_a_minute_waits_though_the_password_be_right(owner: User) -> None:
    assert {log_in(password="wrong").status_code for _ in range(10)} == {401}
    response = log_in()
    assert (response.status_code, response.json()["code"]) == (429, "throttled")
    assert 0 < int(response["Retry-After"]) <= 60
    assert log_in("another").status_code == 401

"""A session in a cookie, for pages of the same site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from tenants.models import Session, User
from tenants.opaque import encode
from tests.tenants.door import deactivate

pytestmark = pytest.mark.django_db

URL = "/api/session/"
WRONG = {"detail": "Wrong username or password.", "code": "not_authenticated"}
NOBODY = {"user": None, "expiry": None}


@pytest.fixture
def page() -> APIClient:
    """A browser that has opened the page, which asked whether somebody is logged in."""
    client = APIClient(enforce_csrf_checks=True)
    assert client.get(URL).json() == NOBODY
    return client


def send(page: APIClient, method: str = "post", data: Any = None, token: str | None = None) -> Any:
    token = page.cookies["csrftoken"].value if token is None else token
    write = getattr(page, method)
    return write(URL, data, format="json", headers={"X-CSRFToken": token})


def log_in(page: APIClient, username: Any = "owner", password: Any = "secret") -> Any:
    return send(page, data={"username": username, "password": password})


def test_login_sets_a_cookie_that_no_script_reads_and_no_foreign_page_sends(
    page: APIClient, owner: User
) -> None:
    answer = log_in(page)
    assert (answer.status_code, answer.json()["user"]) == (200, encode(User, owner.pk))
    assert answer["Cache-Control"] == "private, no-store"
    cookie = answer.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    said, stored = page.get(URL).json(), Session.objects.get().expire_date
    assert (said["user"], parse_datetime(said["expiry"])) == (answer.json()["user"], stored)
    assert page.get("/api/me/").json()["username"] == "owner"
    expiry = parse_datetime(answer.json()["expiry"])
    assert expiry is not None
    # Django saves it once more, when the answer is sent.
    assert timedelta() <= stored - expiry < timedelta(minutes=1)
    ticket = page.post("/api/tickets/", headers={"X-CSRFToken": page.cookies["csrftoken"].value})
    assert ticket.status_code == 201


@pytest.mark.parametrize("token", ["", "x" * 32])
def test_foreign_page_logs_nobody_in_or_out(page: APIClient, owner: User, token: str) -> None:
    for method in ("post", "delete"):
        answer = send(page, method, {"username": "owner", "password": "secret"}, token)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert not Session.objects.exists()


def test_wrong_password_is_refused_as_by_the_login_for_tokens(page: APIClient, owner: User) -> None:
    for username, password in (("owner", "wrong"), ("nobody", "secret")):
        answer = log_in(page, username, password)
        assert (answer.status_code, answer.json()) == (401, WRONG)
    deactivate(owner)
    assert log_in(page).json() == WRONG
    assert page.get(URL).json() == NOBODY


def test_failures_count_together_with_those_of_the_login_for_tokens(
    page: APIClient, owner: User
) -> None:
    for _ in range(10):
        assert log_in(page, password="wrong").status_code == 401
    answer = APIClient().post("/api/login/", {"username": "owner", "password": "wrong"})
    assert answer.status_code == 429


def test_wrong_types_are_named(page: APIClient) -> None:
    answer = log_in(page, username=5)
    assert (answer.status_code, set(answer.json())) == (400, {"username"})
    assert send(page, data={"username": "owner"}).status_code == 400


def test_logout_ends_the_session(page: APIClient, owner: User) -> None:
    log_in(page)
    assert send(page, "delete").status_code == 204
    assert page.get(URL).json() == NOBODY
    assert not Session.objects.filter(user=owner).exists()
    assert send(page, "delete").status_code == 204


def test_login_as_somebody_else_takes_nothing_of_the_session_before(
    page: APIClient, owner: User
) -> None:
    log_in(page)
    before = page.cookies["sessionid"].value
    User.objects.create_user("other", password="secret")
    log_in(page, "other")
    assert page.cookies["sessionid"].value != before
    assert not Session.objects.filter(pk=before).exists()

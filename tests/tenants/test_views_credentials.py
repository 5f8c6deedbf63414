"""What lets a request in, over REST, and what all requests share."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from knox.models import AuthToken
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from tenants import urls
from tenants.models import Tenant, User
from tests.tenants.conftest import bearer, member, token_of
from tests.tenants.door import REFUSED, browser, deactivate

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "prepare",
    [
        lambda user: None,
        lambda user: "Token",
        lambda user: "Token bad",
        lambda user: f"Token {token_of(user)}x",
        lambda user: f"Token {token_of(user)} x",
        lambda user: "Token \xff",
        lambda user: "Token a\0b",
        lambda user: "Basic b3duZXI6c2VjcmV0",
        lambda user: (f"Token {token_of(user)}", User.objects.update(is_active=False))[0],
        lambda user: (f"Token {token_of(user)}", AuthToken.objects.update(expiry=timezone.now()))[
            0
        ],
    ],
)
@pytest.mark.each_case
@pytest.mark.parametrize("path", ["/api/me/", "/api/tenants/"])
def test_whoever_has_no_good_credential_gets_one_answer(
    owner: User, path: str, prepare: Callable[[User], str | None]
) -> None:
    header = prepare(owner)
    client = APIClient()
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    response = client.get(path)
    assert (response.status_code, response.json()) == (401, REFUSED)


def test_session_works_and_writes_need_its_csrf_token(owner: User) -> None:
    client = browser(owner, checks=True)
    assert client.get("/api/me/").status_code == 200
    refused = client.post("/api/tickets/")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    client.cookies["csrftoken"] = "x" * 32
    assert client.post("/api/tickets/", headers={"X-CSRFToken": "x" * 32}).status_code == 201


def test_session_of_an_inactive_user_is_nobodys(owner: User) -> None:
    client = browser(owner)
    deactivate(owner)
    response = client.get("/api/me/")
    assert (response.status_code, response.json()) == (401, REFUSED)


def test_token_goes_before_session(acme: Tenant, owner: User) -> None:
    client = browser(member("other", acme))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(owner)}")
    assert client.get("/api/me/").json()["username"] == "owner"


def test_schema_tells_how_to_come_in() -> None:
    schema = SchemaGenerator(patterns=urls.urlpatterns).get_schema(public=True)
    assert set(schema["components"]["securitySchemes"]) == {"token", "cookieAuth"}
    assert "security" not in schema["paths"]["/login/"]["post"]
    assert {"token": []} in schema["paths"]["/me/"]["get"]["security"]


@pytest.mark.parametrize("path", ["/api/me/", "/api/login/", "/api/tickets/"])
def test_wrong_method_is_an_error_like_others(owner: User, path: str) -> None:
    response = bearer(owner).delete(path)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_requests_of_a_user_are_limited(owner: User, settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"requests_per_minute": 2}
    client = bearer(owner)
    assert [client.get("/api/me/").status_code for _ in range(3)] == [200, 200, 429]
    response = client.get("/api/tenants/")
    assert response.json()["code"] == "throttled"
    assert 0 < int(response["Retry-After"]) <= 60


def test_me_costs_few_queries(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = bearer(owner)
    with django_assert_num_queries(2):  # the token with its user, the membership with its tenant
        client.get("/api/me/")

"""Identity as REST clients meet it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from knox.models import AuthToken
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from tenants import urls
from tenants.credentials import identify_socket
from tenants.models import Membership, Session, Tenant, Ticket, User
from tenants.opaque import encode
from tests.tenants.conftest import Standing, bearer, member, session_of, token_of

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "Send a valid token, session or ticket.", "code": "not_authenticated"}
FORBIDDEN = {"detail": "You are not an active member of this tenant.", "code": "tenant_forbidden"}
WRONG = {"detail": "Wrong username or password.", "code": "not_authenticated"}


def log_in(username: Any = "owner", password: Any = "secret", **more: Any) -> Any:
    return APIClient().post("/api/login/", {"username": username, "password": password, **more})


def browser(user: User, *, checks: bool = False) -> APIClient:
    client = APIClient(enforce_csrf_checks=checks)
    session_of(user, client)
    return client


# Login


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


def test_login_is_remembered_and_ends_nothing(owner: User, heard: list[Standing]) -> None:
    token_of(owner)
    heard.clear()
    log_in()
    owner.refresh_from_db()
    assert owner.last_login
    assert AuthToken.objects.count() == 2
    assert heard == []


def test_user_without_any_tenant_may_log_in(owner: User) -> None:
    Membership.objects.all().delete()
    assert log_in().status_code == 200


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


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


# Credentials


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


# Tenants


def test_only_tenant_need_not_be_named(owner: User) -> None:
    client = bearer(owner)
    for headers in ({}, {"X-Tenant": ""}, {"X-Tenant": "acme"}):
        assert client.get("/api/me/", headers=headers).json()["tenant"] == "acme"


def test_one_of_several_tenants_is_named(both: User) -> None:
    client = bearer(both)
    response = client.get("/api/me/")
    assert (response.status_code, response.json()["code"]) == (400, "tenant_required")
    assert client.get("/api/me/", headers={"X-Tenant": "globex"}).json()["tenant"] == "globex"


def suspend(user: User) -> str:
    Tenant.objects.filter(slug="acme").update(is_active=False)
    return "acme"


def exclude(user: User) -> str:
    user.memberships.update(is_active=False)
    return "acme"


@pytest.mark.parametrize("path", ["/api/me/", "/api/tickets/"])
@pytest.mark.parametrize(
    "prepare",
    [suspend, exclude, lambda user: "globex", lambda user: "unknown", lambda user: "acme,acme"],
)
def test_tenants_that_one_is_not_in_look_the_same(
    globex: Tenant, owner: User, path: str, prepare: Callable[[User], str]
) -> None:
    client = bearer(owner)
    call = client.post if path == "/api/tickets/" else client.get
    response = call(path, headers={"X-Tenant": prepare(owner)})
    assert (response.status_code, response.json()) == (403, FORBIDDEN)


def test_superuser_is_in_no_tenant_by_being_one(acme: Tenant) -> None:
    root = User.objects.create_superuser("root", password="secret")
    response = bearer(root).get("/api/me/", headers={"X-Tenant": "acme"})
    assert (response.status_code, response.json()) == (403, FORBIDDEN)


def test_my_tenants_are_those_that_let_me_in(acme: Tenant, globex: Tenant, both: User) -> None:
    member("other", Tenant.objects.create(slug="other", name="Other"))
    both.memberships.filter(tenant=globex).update(role="admin")
    response = bearer(both).get("/api/tenants/")
    assert response.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {"slug": "acme", "name": "Acme", "role": "member"},
            {"slug": "globex", "name": "Globex", "role": "admin"},
        ],
    }
    assert response["Cache-Control"] == "private, no-store"
    both.memberships.filter(tenant=globex).update(is_active=False)
    suspend(both)
    assert bearer(both).get("/api/tenants/").json()["results"] == []


def test_my_tenants_come_in_pages(db: None, django_assert_num_queries: Any) -> None:
    tenants = [Tenant.objects.create(slug=f"t-{n:03}", name="T") for n in range(103)]
    client = bearer(member("everywhere", *tenants))
    assert len(client.get("/api/tenants/").json()["results"]) == 25
    page = client.get("/api/tenants/?page_size=1000").json()
    assert (page["count"], len(page["results"])) == (103, 100)
    last = client.get(page["next"]).json()
    assert [tenant["slug"] for tenant in last["results"]] == ["t-100", "t-101", "t-102"]
    missing = client.get("/api/tenants/?page=9")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


# Tickets


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


# Logout


def test_logout_ends_this_token_only(owner: User, acme: Tenant, heard: list[Standing]) -> None:
    client, other = bearer(owner), bearer(owner)
    session_of(owner)
    heard.clear()
    assert client.post("/api/logout/").status_code == 204
    assert client.get("/api/me/").status_code == 401
    assert other.get("/api/me/").status_code == 200
    assert Session.objects.exists()
    assert heard == [(acme.pk, owner.pk, "credential")]


def test_logout_ends_this_session_only(owner: User, acme: Tenant, heard: list[Standing]) -> None:
    client, other = browser(owner), bearer(owner)
    heard.clear()
    assert client.post("/api/logout/").status_code == 204
    assert client.get("/api/me/").status_code == 401
    assert other.get("/api/me/").status_code == 200
    assert heard == [(acme.pk, owner.pk, "credential")]


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


# All of them


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
    with django_assert_num_queries(3):  # the token, the user's other tokens, the membership
        client.get("/api/me/")

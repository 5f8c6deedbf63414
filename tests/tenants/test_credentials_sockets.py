"""The one door, as a socket comes through it; `test_views_*` come as REST."""

import pytest
from knox.models import AuthToken
from pytest_django import Settings

from tenants.credentials import Credential, Identity, identify_socket, issue_ticket
from tenants.models import Session, Tenant, User
from tenants.refused import NotAuthenticated, TenantForbidden, TenantRequired
from tests.tenants.conftest import member, session_of, token_of
from tests.tenants.door import HOST, handshake, session_credential, ticket_of, token_credential

pytestmark = pytest.mark.django_db
OWN = f"http://{HOST}"


@pytest.fixture(autouse=True)
def hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["earshot.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example", "https://*.trusted.example"]


def token_header(user: User) -> str:
    return f"Token {token_of(user)}"


def cookie(user: User) -> str:
    return f"sessionid={session_of(user)}"


def test_socket_with_header_is_the_tokens_user(acme: Tenant, owner: User) -> None:
    header = token_header(owner)
    token = AuthToken.objects.get()
    credential = Credential("token", token.digest, token.expiry)
    expected = Identity(owner.pk, acme.pk, "acme", "member", credential)
    assert identify_socket(handshake(authorization=header)) == expected
    assert identify_socket(handshake(authorization=header.lower(), origin="null")) == expected


def test_socket_with_cookie_is_the_sessions_user(acme: Tenant, owner: User) -> None:
    key = session_of(owner)
    credential = Credential("session", key, Session.objects.get().expire_date)
    expected = Identity(owner.pk, acme.pk, "acme", "member", credential)
    assert identify_socket(handshake(cookie=f"a=b; sessionid={key}", origin=OWN)) == expected


def test_socket_with_ticket_has_the_credential_that_asked_for_it(
    globex: Tenant, both: User
) -> None:
    for credential in (token_credential(both), session_credential(both)):
        ticket, seconds = issue_ticket(both, globex, credential)
        assert seconds == 30
        identity = identify_socket(handshake(f"ticket={ticket}"))
        assert identity == Identity(both.pk, globex.pk, "globex", "member", credential)


def test_socket_says_its_tenant(globex: Tenant, both: User) -> None:
    assert identify_socket(
        handshake("tenant=globex", authorization=token_header(both))
    ).tenant_id == (globex.pk)
    assert identify_socket(
        handshake("tenant=globex", cookie=cookie(both), origin=OWN)
    ).tenant_id == (globex.pk)
    with pytest.raises(TenantRequired):
        identify_socket(handshake("tenant=", authorization=token_header(both)))
    with pytest.raises(TenantForbidden):
        identify_socket(handshake("tenant=\xff%00%ff", authorization=token_header(both)))


def test_ticket_goes_before_header_and_header_before_cookie(
    acme: Tenant, owner: User, both: User
) -> None:
    other = member("other", acme)
    headers = {"cookie": cookie(other), "origin": OWN}
    assert identify_socket(handshake(**headers)).user_id == other.pk
    headers["authorization"] = token_header(owner)
    assert identify_socket(handshake(**headers)).user_id == owner.pk
    query = f"ticket={ticket_of(both, acme)}"
    assert identify_socket(handshake(query, **headers)).user_id == both.pk


def test_bad_credential_is_not_made_up_for_by_another(owner: User) -> None:
    good = {"cookie": cookie(owner), "origin": OWN}
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(authorization="Token bad", **good))
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake("ticket=bad", authorization=token_header(owner)))


def test_what_is_no_credential_of_ours_counts_as_absent(owner: User) -> None:
    headers = {"authorization": "Basic b3duZXI6c2VjcmV0", "cookie": cookie(owner), "origin": OWN}
    assert identify_socket(handshake("ticket=", **headers)).user_id == owner.pk


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": "sessionid=", "origin": OWN},
        {"cookie": "sessionid=unknown", "origin": OWN},
        {"cookie": 'sessionid="\\000"', "origin": OWN},
        {"cookie": "csrftoken=x", "origin": OWN},
        {"authorization": "Token"},
        {"authorization": "Token a b"},
        {"authorization": "Token " + "0" * 64},
        {"authorization": "Token \xff"},
        {"authorization": "Token \0"},
    ],
)
def test_socket_without_a_good_credential_is_nobody(owner: User, headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        identify_socket(handshake(**headers))
    assert vars(refused.value) == vars(NotAuthenticated())


@pytest.mark.parametrize(
    "origin",
    [OWN, "https://app.example", "https://trusted.example", "https://a.b.trusted.example"],
)
def test_cookie_counts_from_an_allowed_origin(owner: User, origin: str) -> None:
    assert identify_socket(handshake(cookie=cookie(owner), origin=origin)).user_id == owner.pk


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "https://earshot.example:8000",
        "http://earshot.example",
        "http://earshot.example:8000.evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://eviltrusted.example",
        "http://a.trusted.example",
        "https://[",
    ],
)
def test_cookie_from_another_origin_counts_as_absent(owner: User, origin: str) -> None:
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(cookie=cookie(owner), origin=origin))


def test_cookie_without_origin_counts_as_absent(owner: User) -> None:
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(cookie=cookie(owner)))


def test_own_origin_is_of_the_same_scheme(owner: User, settings: Settings) -> None:
    headers = {"cookie": cookie(owner), "origin": f"https://{HOST}"}
    assert identify_socket(handshake(scheme="wss", **headers)).user_id == owner.pk
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(scheme="wss", cookie=headers["cookie"], origin=OWN))
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    proxied = headers | {"x-forwarded-proto": "https"}
    assert identify_socket(handshake(**proxied)).user_id == owner.pk


def test_origin_of_a_host_that_is_not_ours_counts_as_absent(owner: User) -> None:
    """DNS that leads a foreign name here must not make its pages our own."""
    foreign = handshake(cookie=cookie(owner), origin="http://evil.example", host="evil.example")
    with pytest.raises(NotAuthenticated):
        identify_socket(foreign)

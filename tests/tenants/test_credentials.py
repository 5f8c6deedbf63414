"""The one door, as a socket comes through it; `test_views` comes as REST."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import DjangoAssertNumQueries, Settings

from tenants.credentials import (
    Credential,
    Identity,
    NotAuthenticated,
    Refused,
    TenantForbidden,
    TenantRequired,
    WrongLogin,
    ended,
    identify_socket,
    issue_ticket,
    issue_token,
    live,
    membership_for,
    resolve,
)
from tenants.models import Membership, Session, Tenant, Ticket, User
from tenants.sessions import SessionStore
from tests.tenants.conftest import member, session_of, token_of

pytestmark = pytest.mark.django_db

HOST = "earshot.example:8000"
OWN = f"http://{HOST}"


@pytest.fixture(autouse=True)
def hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["earshot.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example", "https://*.trusted.example"]


def handshake(query: str = "", scheme: str = "ws", **headers: str) -> dict[str, Any]:
    named = {"host": HOST, **headers}
    return {
        "type": "websocket",
        "path": "/ws/",
        "scheme": scheme,
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
    }


def token_header(user: User) -> str:
    return f"Token {token_of(user)}"


def cookie(user: User) -> str:
    return f"sessionid={session_of(user)}"


def ticket_of(user: User, tenant: Tenant) -> str:
    token, _ = AuthToken.objects.create(user)
    return issue_ticket(user, tenant, Credential("token", token.pk, token.expiry))[0]


def session_credential(user: User) -> Credential:
    session = Session.objects.get(pk=session_of(user))
    return Credential("session", session.pk, session.expire_date)


def token_credential(user: User) -> Credential:
    token, _ = AuthToken.objects.create(user)
    return Credential("token", token.pk, token.expiry)


# Tenants


def test_only_active_membership_needs_no_slug(
    acme: Tenant, globex: Tenant, owner: User, both: User
) -> None:
    assert membership_for(owner, None).tenant == acme
    assert membership_for(owner, "").tenant == acme
    both.memberships.filter(tenant=acme).update(is_active=False)
    assert membership_for(both, None).tenant == globex
    both.memberships.update(is_active=True)
    Tenant.objects.filter(pk=globex.pk).update(is_active=False)
    assert membership_for(both, None).tenant == acme


def test_member_of_several_says_which(globex: Tenant, both: User) -> None:
    for absent in (None, ""):
        with pytest.raises(TenantRequired):
            membership_for(both, absent)
    assert membership_for(both, "globex").tenant == globex


def suspend(user: User) -> str:
    Tenant.objects.filter(slug="acme").update(is_active=False)
    return "acme"


def exclude(user: User) -> str:
    user.memberships.update(is_active=False)
    return "acme"


@pytest.mark.parametrize(
    "prepare",
    [
        suspend,
        exclude,
        lambda user: "globex",
        lambda user: "unknown",
        lambda user: "ACME",
        lambda user: "acme\0",
        lambda user: exclude(user) and None,
        lambda user: suspend(user) and None,
    ],
)
def test_whoever_has_no_place_there_learns_nothing_else(
    globex: Tenant, owner: User, prepare: Callable[[User], str | None]
) -> None:
    slug = prepare(owner)
    with pytest.raises(TenantForbidden) as refused:
        membership_for(owner, slug)
    assert vars(refused.value) == vars(TenantForbidden())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotAuthenticated, ("not_authenticated", 401, 4401)),
        (TenantRequired, ("tenant_required", 400, 4400)),
        (TenantForbidden, ("tenant_forbidden", 403, 4403)),
    ],
)
def test_refusal_says_the_same_to_rest_and_socket(
    error: type[Refused], expected: tuple[str, int, int]
) -> None:
    refused = error()
    assert (refused.code, refused.status, refused.close_code) == expected
    assert (refused.get_codes(), refused.status_code) == expected[:2]


# Sockets


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


# Sessions


def test_session_survives_a_new_secret_key_and_the_look_at_it(
    owner: User, settings: Settings
) -> None:
    key = session_of(owner)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    before = Session.objects.values().get()
    assert resolve("session", key)[0] == owner
    assert Session.objects.values().get() == before
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(NotAuthenticated):
        resolve("session", key)
    assert Session.objects.values().get() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop(SESSION_KEY),
        lambda data: data.update({BACKEND_SESSION_KEY: "gone.Backend"}),
        lambda data: data.pop(BACKEND_SESSION_KEY),
        lambda data: data.update({HASH_SESSION_KEY: "wrong"}),
        lambda data: data.pop(HASH_SESSION_KEY),
    ],
)
def test_session_that_django_would_not_take_is_nobodys(
    owner: User, spoil: Callable[[Any], object]
) -> None:
    key = session_of(owner)
    store = SessionStore(key)
    data = dict(store.items())
    spoil(data)
    Session.objects.update(session_data=store.encode(data))
    with pytest.raises(NotAuthenticated):
        resolve("session", key)


def test_session_with_another_user_inside_is_nobodys(owner: User, both: User) -> None:
    key = session_of(owner)
    Session.objects.update(user=both)
    with pytest.raises(NotAuthenticated):
        resolve("session", key)


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


# What ends


def end_token(user: User) -> None:
    AuthToken.objects.all().delete()


def end_session(user: User) -> None:
    Session.objects.all().delete()


def expire(user: User) -> None:
    AuthToken.objects.update(expiry=timezone.now())
    Session.objects.update(expire_date=timezone.now())


def deactivate(user: User) -> None:
    User.objects.update(is_active=False)


def rehash(user: User) -> None:
    """What Django takes for another password, though no hook saw it."""
    user.password += "!"
    User.objects.all().bulk_update([user], ["password"])


def take_over(user: User) -> None:
    AuthToken.objects.update(user=member("thief"))
    Session.objects.update(user=User.objects.get(username="thief"))


def remove(user: User) -> None:
    Membership.objects.all().delete()


@pytest.mark.parametrize(
    ("change", "token_code", "session_code"),
    [
        (lambda user: None, None, None),
        (end_token, 4401, None),
        (end_session, None, 4401),
        (expire, 4401, 4401),
        (deactivate, 4401, 4401),
        (rehash, 4401, 4401),
        (take_over, 4401, 4401),
        (exclude, 4403, 4403),
        (suspend, 4403, 4403),
        (remove, 4403, 4403),
        (lambda user: user.delete(), 4401, 4401),
        (lambda user: [change(user) for change in (end_token, exclude)], 4401, 4403),
    ],
)
def test_credential_ends_with_the_code_of_what_ended(
    acme: Tenant,
    owner: User,
    change: Callable[[User], object],
    token_code: int | None,
    session_code: int | None,
) -> None:
    token = (owner.pk, acme.pk, token_credential(owner))
    session = (owner.pk, acme.pk, session_credential(owner))
    change(owner)
    codes = ended([token, session])
    assert (codes.get(token), codes.get(session)) == (token_code, session_code)
    assert set(codes) <= {token, session}


def test_each_tenant_ends_for_itself(acme: Tenant, globex: Tenant, both: User) -> None:
    credential = token_credential(both)
    here, there = [(both.pk, tenant.pk, credential) for tenant in (acme, globex)]
    both.memberships.filter(tenant=acme).update(is_active=False)
    assert ended([here, there, here]) == {here: 4403}


def test_token_without_expiry_lives(acme: Tenant, owner: User) -> None:
    token, text = AuthToken.objects.create(owner, expiry=None)
    identity = identify_socket(handshake(authorization=f"Token {text}"))
    assert identity.credential == Credential("token", token.pk, None)
    assert ended([(owner.pk, acme.pk, identity.credential)]) == {}


def test_any_number_ends_in_three_queries(
    acme: Tenant, globex: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    held = []
    for number in range(20):
        user = member(f"user-{number}", acme, globex)
        for credential in (token_credential(user), session_credential(user)):
            held += [(user.pk, tenant.pk, credential) for tenant in (acme, globex)]
    with django_assert_num_queries(3):
        assert ended(held) == {}
    with django_assert_num_queries(0):
        assert ended([]) == {}
        assert live([]) == {}

"""Other credentials than ours: whose they are, how long they are good, and what ends them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from knox.settings import knox_settings
from pytest_django import Settings
from rest_framework import exceptions
from rest_framework.authentication import (
    BaseAuthentication,
    TokenAuthentication,
    get_authorization_header,
)
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.test import APIClient, APIRequestFactory

from realtime.capture.installing import install
from tenants import authenticators, revocations
from tenants.authenticators import Accepted, Credential, Jwt
from tenants.credentials import Identity, identify_socket
from tenants.ended_credentials import end_credentials
from tenants.models import Revocation, Tenant, User
from tenants.refused import NotAuthenticated
from tenants.rest import credential_of, key_of
from tenants.validity import validity
from tenants.views import TicketsView
from tests.announced import announced
from tests.client import SocketClient, in_thread
from tests.tenants.door import handshake
from tests.world import World


class Claims(BaseAuthentication):
    """As libraries of JSON Web Tokens: `Bearer <user>:<seconds>`."""

    def authenticate(self, request: Any) -> Any:
        word, _, text = get_authorization_header(request).decode().partition(" ")
        if word != "Bearer":
            return None
        name, _, seconds = text.partition(":")
        if not seconds:
            raise exceptions.AuthenticationFailed
        claims: dict[str, Any] = {"exp": timezone.now().timestamp() + int(seconds), "jti": "1"}
        if name.startswith("?"):
            claims = {}
        return User.objects.get(username=name.strip("?")), claims


class Remote(BaseAuthentication):
    """A proxy says who it is."""

    def authenticate(self, request: Any) -> Any:
        return User.objects.get(username=request.headers["X-User"]), None


@pytest.fixture
def others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS = ["earshot.example", "testserver"]
    classes = [*api_settings.DEFAULT_AUTHENTICATION_CLASSES, Claims]
    monkeypatch.setattr(api_settings, "DEFAULT_AUTHENTICATION_CLASSES", classes)


class Stored(Token):
    """The row of `rest_framework.authtoken`, which is no model where that app is not installed."""

    class Meta:
        app_label = "tests"


@pytest.fixture
def stored(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The project has such tokens, and they are captured."""
    monkeypatch.setattr(TokenAuthentication, "model", Stored)
    classes = [*api_settings.DEFAULT_AUTHENTICATION_CLASSES, TokenAuthentication]
    monkeypatch.setattr(api_settings, "DEFAULT_AUTHENTICATION_CLASSES", classes)
    with connection.schema_editor() as editor:
        editor.create_model(Stored)
    install()
    yield world
    monkeypatch.undo()
    with connection.schema_editor() as editor:
        editor.delete_model(Stored)
    install()
    announced()


def token_of(world: World, name: str) -> Any:
    return Stored.objects.get_or_create(user=world.user(name))[0]


def header(text: str) -> Identity:
    return identify_socket(handshake(authorization=text, origin="https://evil.example"))


def code(identity: Identity) -> int | None:
    held = identity.user_id, identity.tenant_id, identity.credential
    return validity([held])[held].code


@pytest.fixture
async def socket(stored: World) -> AsyncIterator[SocketClient]:
    token = await in_thread(token_of)(stored, "viewer")
    async with SocketClient(token.key) as found:
        yield found


@pytest.mark.each_case
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["deleted", "another", "somebody's", "password", "out"])
async def test_row_that_ends_a_token_ends_its_socket(
    stored: World, socket: SocketClient, change: str
) -> None:
    await socket.receive_until("WELCOME")
    tokens = Stored.objects.all()
    if change == "deleted":
        await in_thread(tokens.delete)()
    elif change == "another":
        await in_thread(tokens.update)(key="another")
    elif change == "password":
        await in_thread(User.objects.filter(username="viewer").update)(password="!")
        assert not await in_thread(tokens.exists)()
    elif change == "out":
        await in_thread(end_credentials)([stored.user("viewer").pk])
    else:
        await in_thread(tokens.update)(user=stored.user("member"))
    assert await socket.receive() == {"close": 4401}


@pytest.mark.django_db(transaction=True)
def test_stored_token_comes_in_and_its_key_is_no_secret(stored: World, others: None) -> None:
    token = token_of(stored, "viewer")
    here = header(f"Token {token.key}")
    assert (here.user_id, here.credential.kind) == (stored.user("viewer").pk, "drf")
    assert token.key not in here.credential.key
    request = asked(TokenAuthentication, authorization=f"Token {token.key}")
    assert credential_of(request) == here.credential
    assert code(here) is None
    rest = APIClient(headers={"Authorization": f"Token {token.key}", "X-Tenant": "acme"})
    assert rest.get("/api/me/").json()["username"] == "viewer"
    assert rest.post("/api/tickets/").status_code == 201
    rest.credentials(HTTP_AUTHORIZATION="Token nonsense")
    assert rest.get("/api/me/").status_code == 401
    with pytest.raises(NotAuthenticated):
        header("Token nonsense")
    acme = stored.tenants["acme"].pk
    key = here.credential.kind, here.credential.key
    revocations.revoke(acme, key)
    revocations.revoke(acme, ("drf", "gone:x"))
    assert revocations.forget_ended() == 1
    with pytest.raises(NotAuthenticated):
        header(f"Token {token.key}")
    assert Revocation.objects.count() == 1
    User.objects.filter(pk=here.user_id).update(is_active=False)
    assert code(here) == 4401


@pytest.mark.django_db
def test_claims_last_until_they_expire(others: None, acme: Tenant, owner: User) -> None:
    here = header("Bearer owner:60")
    assert here.credential.kind == "jwt"
    assert code(here) is None
    ends = here.credential.expires_at
    assert ends is not None
    assert timedelta(0) < ends - timezone.now() < timedelta(seconds=61)
    assert code(replace(here, credential=header("Bearer owner:-9").credential)) == 4401
    somebody = replace(here, user_id=0)
    assert code(somebody) == 4401
    for refused in ("Bearer", "Bearer owner", "Bearer ?owner:60", "Basic b3duZXI6cGFzcw=="):
        with pytest.raises(NotAuthenticated):
            header(refused)
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(cookie="jwt=owner:60", origin="https://evil.example"))
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert code(here) == 4401


class Worded(BaseAuthentication):
    """As some libraries, with the word of our own tokens."""

    def authenticate(self, request: Any) -> Any:
        name = get_authorization_header(request).decode().removeprefix("Token ")
        return User.objects.get(username=name), {"exp": timezone.now().timestamp() + 60}


@pytest.mark.django_db
def test_claims_may_come_by_the_word_of_our_own_tokens(
    monkeypatch: pytest.MonkeyPatch, acme: Tenant, owner: User
) -> None:
    classes = [*api_settings.DEFAULT_AUTHENTICATION_CLASSES, Worded]
    monkeypatch.setattr(api_settings, "DEFAULT_AUTHENTICATION_CLASSES", classes)
    assert header("Token owner").user_id == owner.pk


def asked(authentication: Any, **headers: str) -> Request:
    made = APIRequestFactory().post("/", headers=headers)
    request = Request(made, authenticators=[authentication()])
    assert request.user.is_authenticated
    return request


@pytest.mark.django_db
def test_ticket_is_given_to_whoever_the_project_accepts(acme: Tenant, owner: User) -> None:
    class Open(TicketsView):
        authentication_classes = (Remote,)

    answer = Open.as_view()(APIRequestFactory().post("/", headers={"X-User": "owner"}))
    assert answer.status_code == 201
    here = identify_socket(handshake(f"ticket={answer.data['ticket']}"))
    assert (here.user_id, here.credential.kind) == (owner.pk, "accepted")
    ends = here.credential.expires_at
    assert ends is not None
    assert ends <= timezone.now() + knox_settings.TOKEN_TTL
    assert code(here) is None
    assert key_of(asked(Remote, **{"X-User": "owner"})) is None


@pytest.mark.django_db
def test_claims_have_one_key_and_what_has_none_has_another_each_time(owner: User) -> None:
    request = asked(Claims, authorization="Bearer owner:60")
    credential = credential_of(request)
    assert key_of(request) == ("jwt", credential.key)
    request = asked(Claims, authorization="Bearer ?owner:60")
    assert credential_of(request).key != credential_of(request).key
    assert key_of(request) is None


class Badge:
    """A project's own."""

    kind = "badge"

    def of_handshake(self, request: Any) -> Any:
        name = request.headers.get("X-Badge")
        return name and (User.objects.get(username=name), Credential("badge", name, None))

    def of_request(self, request: Any) -> None:
        """Nobody asks over REST."""

    def good(self, keys: Any) -> Any:
        users = User.objects.filter(username__in=keys)
        return [(user, Credential("badge", user.username, None)) for user in users]

    def rows(self) -> None:
        """Nothing."""


@pytest.mark.django_db
def test_project_adds_one_of_its_own(
    acme: Tenant, owner: User, settings: Settings, others: None
) -> None:
    settings.EARSHOT_AUTHENTICATORS = [f"{__name__}.Badge"]
    here = identify_socket(handshake(**{"x-badge": "owner"}))
    assert (here.user_id, code(here)) == (owner.pk, None)
    assert [type(each) for each in authenticators.others()] == [Badge, Jwt, Accepted]
    assert list(authenticators.good([("jwt", "1:x:nobody"), ("none", "1")])) == []

"""The one door: whose a credential is, until when, and into which tenant it leads.

REST and sockets both come through here. Whatever is wrong with a credential, or with the way into a
tenant, looks the same from outside.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from io import BytesIO
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from knox import auth as knox
from knox.crypto import hash_token
from knox.models import get_token_model
from knox.settings import CONSTANTS, knox_settings
from rest_framework import exceptions
from rest_framework.authentication import CSRFCheck
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants import authenticators, revocations, users
from tenants.authenticators import Credential as Credential
from tenants.compiled import Compiled, Parameter
from tenants.keys import field_of
from tenants.limits import limits
from tenants.models import Membership, Session, Tenant, Ticket
from tenants.refused import NotAuthenticated, TenantForbidden, TenantRequired, WrongLogin
from tenants.users import User

Key = revocations.Key
Transport = Literal["socket", "stream"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, in which tenant, in which role, and by which credential."""

    user_id: int
    tenant_id: int
    tenant_slug: str
    role: str
    credential: Credential
    limits: Mapping[str, Any] = field(default_factory=limits, hash=False)


@dataclass(frozen=True, slots=True)
class Client:
    """Where a socket comes from: its address, what it calls itself, and by which transport."""

    address: str
    agent: str
    transport: Transport = "socket"


Held = tuple[int, int, Credential]


class TokenAuthentication(knox.TokenAuthentication):
    """knox's tokens, with the same answer to every invalid one."""

    def authenticate(self, request: Any) -> tuple[User, Any] | None:
        if authenticators.has_nul(request):
            raise NotAuthenticated
        try:
            return super().authenticate(request)  # type: ignore[no-any-return]
        except (exceptions.APIException, UnicodeDecodeError) as error:
            if other := authenticators.stored_token(request):  # in the same header
                return other
            raise NotAuthenticated from error

    def authenticate_credentials(self, token: bytes) -> tuple[User, Any]:
        """Return the token's user and row, in one query; the user's others are not looked at."""
        text = token.decode()
        for row in _TOKENS(key=text[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if compare_digest(hash_token(text), row.digest):
                if row.expiry is not None and row.expiry <= timezone.now():
                    row.delete()
                    raise NotAuthenticated
                if knox_settings.AUTO_REFRESH and row.expiry:
                    self.renew_token(row)
                user, _ = self.validate_user(row)
                return user, row
        raise NotAuthenticated


def membership_for(user: User, slug: str | None, key: Key | None = None) -> Membership:
    """Return the user's active membership there, or without a slug the only one; else `Refused`.

    With the credential's key, one that is revoked there is refused too.
    """
    kind, secret = key or ("", "")
    asked = {"user": user.pk, "kind": kind, "key": secret}
    places = _PLACES_AT(**asked, slug=slug.replace("\0", " ")) if slug else _PLACES(**asked)
    match places:
        case [Membership() as membership]:
            if membership.revoked:  # type: ignore[attr-defined]  # annotated
                raise NotAuthenticated
            return membership
        case []:
            raise TenantForbidden
    raise TenantRequired


def identify_socket(scope: dict[str, Any]) -> Identity:
    """Return who opens this socket, by ticket, else header, else cookie, or raise `Refused`."""
    query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
    slug = query.get("tenant")
    if "ticket" in query:
        user, credential, tenant = redeem(query["ticket"])
        if slug and slug != tenant.slug:
            raise TenantForbidden
        slug = tenant.slug
    else:
        user, credential = _from_headers(request_of(scope))
    membership = membership_for(user, slug, (credential.kind, credential.key))
    tenant = membership.tenant
    own = limits(tenant.limits)
    return Identity(user.pk, tenant.pk, tenant.slug, membership.role, credential, own)


def client_of(scope: dict[str, Any]) -> Client:
    """Return where this socket comes from, behind proxies as the settings say."""
    request = request_of(scope)
    agent = request.headers.get("User-Agent", "")
    address = BaseThrottle().get_ident(Request(request))
    transport: Transport = "stream" if scope["type"] == "http" else "socket"
    return Client((address or "")[:64], agent.replace("\0", " ")[:200], transport)


@transaction.atomic
def issue_token(user: User) -> tuple[Any, str]:
    """Return a new token's row and text, for a user whose password was right a moment ago.

    The user's expired tokens are deleted: knox would look for them at every request.
    """
    # A change of the password waits for this lock, or this waits for it: no token outlives it.
    same = User._base_manager.select_for_update(no_key=True)
    if not same.filter(users.active(), pk=user.pk, password=user.password):
        raise WrongLogin
    tokens = get_token_model().objects
    tokens.filter(user=user, expiry__lte=timezone.now()).delete()
    made: tuple[Any, str] = tokens.create(user=user)
    return made


def issue_ticket(user: User, tenant: Tenant, credential: Credential) -> tuple[str, int]:
    """Return a ticket that opens one socket with this credential, and how many seconds it lives."""
    now, seconds = timezone.now(), limits()["ticket_seconds"]
    Ticket.objects.filter(user=user, expires_at__lte=now).delete()
    text = secrets.token_urlsafe(32)
    Ticket.objects.create(
        digest=_digest(text),
        user=user,
        tenant=tenant,
        kind=credential.kind,
        key=credential.key,
        expires_at=now + timedelta(seconds=seconds),
    )
    return text, seconds


def live(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[User, Credential]]:
    """Return the valid ones of the (kind, key), with their users; two queries for any number."""
    keys = set(keys)
    tokens, sessions = by_kind(keys)
    found = (*_live_tokens(tokens), *live_sessions(sessions), *authenticators.good(keys))
    return {(credential.kind, credential.key): (user, credential) for user, credential in found}


def resolve(kind: str, key: str | None) -> tuple[User, Credential]:
    """Return the user of one valid credential; else raise `NotAuthenticated`."""
    found = live([(kind, key)]).get((kind, key)) if key else None
    if found is None:
        raise NotAuthenticated
    return found


def active_memberships() -> QuerySet[Membership]:
    """Return the active memberships in tenants that are not suspended."""
    return Membership.objects.filter(is_active=True, tenant__is_active=True)


def _places() -> QuerySet[Membership]:
    """Return a user's active memberships, each with whether their tenant revoked a credential."""
    revoked = revocations.revoked_there((Parameter("kind"), Parameter("key")))
    places = (
        active_memberships()
        .filter(user_id=Parameter("user", field_of(User)))
        .select_related("tenant")
    )
    return places.annotate(revoked=revoked).order_by("pk")


# Asked by every request.
_PLACES: Final = Compiled(lambda: _places()[:2])
_PLACES_AT: Final = Compiled(lambda: _places().filter(tenant__slug=Parameter("slug")))
_TOKENS: Final = Compiled(
    lambda: get_token_model().objects.filter(token_key=Parameter("key")).select_related("user")
)


def by_kind(keys: Iterable[Key]) -> tuple[set[str], set[str]]:
    """Return the keys of tokens, and those of sessions."""
    keys_of: dict[str, set[str]] = {"token": set(), "session": set()}
    for kind, key in keys:
        keys_of.setdefault(kind, set()).add(key)
    return keys_of["token"], keys_of["session"]


def good_tokens(tokens: set[str]) -> QuerySet[Any]:
    """Return those of these tokens that are valid now."""
    good = (Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())) & users.active("user__")
    found: QuerySet[Any] = get_token_model().objects.filter(good, pk__in=tokens)
    return found


def _live_tokens(keys: set[str]) -> Iterator[tuple[User, Credential]]:
    for token in good_tokens(keys).select_related("user"):
        yield token.user, Credential("token", token.pk, token.expiry)


def live_sessions(keys: set[str]) -> Iterator[tuple[User, Credential]]:
    """Yield those of these sessions that are valid now, with their users."""
    sessions = Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now())
    for session in sessions.filter(users.active("user__")).select_related("user"):
        if session.user and _fits(session.get_decoded(), session.user):
            yield session.user, Credential("session", session.pk, session.expire_date)


def _fits(data: dict[str, Any], user: User) -> bool:
    """Return whether Django would accept the session for the user; asking Django might flush it."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return (
        data.get(SESSION_KEY) == str(user.pk)
        and data.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and any(constant_time_compare(data.get(HASH_SESSION_KEY, ""), good) for good in hashes)
    )


def redeem(text: str, **whose: int) -> tuple[User, Credential, Tenant]:
    """Take a ticket, of this user and tenant if they are named; else raise `NotAuthenticated`."""
    tickets = Ticket.objects.filter(digest=_digest(text), **whose)
    ticket = tickets.filter(expires_at__gt=timezone.now()).select_related("tenant").first()
    # Of several simultaneous uses, only one deletes it.
    if ticket and tickets.delete()[0]:
        user, credential = resolve(ticket.kind, ticket.key)
        return user, credential, ticket.tenant
    raise NotAuthenticated


def _from_headers(request: ASGIRequest) -> tuple[User, Credential]:
    try:
        user, token = TokenAuthentication().authenticate(request) or (None, None)
    except NotAuthenticated:
        if other := authenticators.of_handshake(request):
            return other
        raise
    if user and isinstance(token, get_token_model()):
        return user, Credential("token", token.pk, token.expiry)
    if other := authenticators.of_handshake(request):
        return other
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if key and _own_origin(request):
        return resolve("session", key.replace("\0", " "))
    raise NotAuthenticated


def _own_origin(request: ASGIRequest) -> bool:
    """Apply Django's rule for unsafe requests: the request's own origin, or a trusted one.

    A page that opens a stream of its own origin names none, but its browser says so.
    """
    if request.scope["type"] == "http" and request.headers.get("Sec-Fetch-Site") == "same-origin":
        return True
    check = CSRFCheck(lambda request: None)  # type: ignore[arg-type]
    return "Origin" in request.headers and check._origin_verified(request)  # type: ignore[attr-defined]


def request_of(scope: dict[str, Any]) -> ASGIRequest:
    """Return a handshake, or what opens a stream, as the GET request that it is."""
    scheme = "https" if scope.get("scheme") in ("https", "wss") else "http"
    return ASGIRequest({**scope, "method": "GET", "scheme": scheme, "query_string": b""}, BytesIO())


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()

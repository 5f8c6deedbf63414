"""By what somebody may come in, beside our tokens and sessions: a class for each kind.

Tickets are given to whoever the project's own REST authentication accepts. A credential that
cannot say that it ended lasts until it expires, and with it the socket.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Protocol

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.settings import knox_settings
from rest_framework import authentication, exceptions
from rest_framework.request import Request
from rest_framework.settings import api_settings

from tenants import users
from tenants.refused import NotAuthenticated
from tenants.users import User

OURS: Final = (
    KnoxAuthentication,
    authentication.SessionAuthentication,
    authentication.BasicAuthentication,
    authentication.TokenAuthentication,
)
"""Authentication that a handshake is not asked by as it stands: what has a kind of its own, and
passwords, which sockets do not take."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody came in by, by its key among those of its kind, and when it expires."""

    kind: str
    key: str
    expires_at: datetime | None


Found = tuple[User, Credential]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that end credentials: a deletion does, and so does a change of a field of `watch`.

    `user` is the field that names whose they are.
    """

    model: Any
    user: str = "user"
    watch: tuple[str, ...] = ()


class Authenticator(Protocol):
    """A kind of credential, of at most 8 characters; keys have at most 128."""

    kind: str

    def of_handshake(self, request: HttpRequest) -> Found | None:
        """Return who this handshake is; None if it has no such credential. Raises what Django REST
        Framework's authentication raises."""

    def of_request(self, request: Request) -> Credential | None:
        """Return by what REST's authentication accepted this request; None if by another kind."""

    def good(self, keys: Collection[str]) -> Iterable[Found]:
        """Return those that are still good, with their users, in a constant number of queries."""

    def rows(self) -> Rows | None:
        """Return what ends them at once; None if only time does."""


class AuthTokens:
    """The tokens of `rest_framework.authtoken`, which do not expire: deleting one ends its sockets.

    A key has a digest of the token, as the ledger shows keys.
    """

    kind = "drf"

    def of_handshake(self, request: HttpRequest) -> Found | None:
        """Return whose token the header has."""
        found = authentication.TokenAuthentication().authenticate(Request(request))
        return found and (found[0], self._credential(found[1]))

    def of_request(self, request: Request) -> Credential | None:
        """Return the token."""
        return self._credential(request.auth) if isinstance(request.auth, self._model) else None

    def good(self, keys: Collection[str]) -> Iterator[Found]:
        """Yield those that are there, of active users."""
        mine = self._model.objects.filter(users.active("user__"), user__in=_users(keys, 1))
        for token in mine.select_related("user"):
            credential = self._credential(token)
            if credential.key in keys:
                yield token.user, credential

    def rows(self) -> Rows:
        """Return the tokens."""
        return Rows(self._model, watch=("key", "user"))

    @property
    def _model(self) -> Any:
        return authentication.TokenAuthentication().get_model()

    def _credential(self, token: Any) -> Credential:
        digest = sha256(token.key.encode()).hexdigest()[:32]
        return Credential(self.kind, f"{digest}:{token.user_id}", None)


class UntilExpiry:
    """What cannot say that it ended: it is good until its time, of active users."""

    kind = ""

    def good(self, keys: Collection[str]) -> Iterator[Found]:
        """Yield those whose time has not come, of active users."""
        ours = User._base_manager.filter(users.active(), pk__in=_users(keys, 2)).in_bulk()
        named = {str(user.pk): user for user in ours.values()}
        for key in keys:
            stamp, _, name = key.split(":", 2)
            user, until = named.get(name), datetime.fromtimestamp(int(stamp), UTC)
            if user is not None and until > timezone.now():
                yield user, Credential(self.kind, key, until)

    def rows(self) -> None:
        """Return nothing."""

    def credential(self, user: Any, until: datetime, mark: str) -> Credential:
        """Return that of a user; `mark` tells it from their others."""
        stamp = int(until.timestamp())
        return Credential(
            self.kind, f"{stamp}:{mark}:{user.pk}", datetime.fromtimestamp(stamp, UTC)
        )


class Jwt(UntilExpiry):
    """A JSON Web Token, of whatever library whose REST authentication gives its claims as `auth`:
    `exp`, and `jti` if it has one."""

    kind = "jwt"

    def of_handshake(self, request: HttpRequest) -> Found | None:
        """Ask the project's own authentication, if there is a header: a page of another site cannot
        send one."""
        if "Authorization" not in request.headers:
            return None
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        for each in classes:
            if not issubclass(each, OURS) and (found := each().authenticate(Request(request))):
                user, auth = found
                credential = self._credential(user, auth)
                return None if credential is None else (user, credential)
        return None

    def of_request(self, request: Request) -> Credential | None:
        """Return the claims that the request was accepted by."""
        return self._credential(request.user, request.auth)

    def _credential(self, user: Any, auth: Any) -> Credential | None:
        claims = getattr(auth, "payload", auth)
        if not isinstance(claims, dict) or not isinstance(claims.get("exp"), int | float):
            return None
        mark = str(claims.get("jti", sorted(map(str, claims.items()))))
        until = datetime.fromtimestamp(claims["exp"], UTC)
        return self.credential(user, until, sha256(mark.encode()).hexdigest()[:32])


class Accepted(UntilExpiry):
    """Anything else that REST's authentication accepted, which opens sockets by tickets only, and
    not for longer than a token of ours would live."""

    kind = "accepted"

    def of_handshake(self, request: HttpRequest) -> None:
        """Return nothing."""

    def of_request(self, request: Request) -> Credential:
        """Return one that nothing else has."""
        until = timezone.now() + knox_settings.TOKEN_TTL
        return self.credential(request.user, until, secrets.token_hex(8))


def others() -> tuple[Authenticator, ...]:
    """Return the project's (`EARSHOT_AUTHENTICATORS`), and those that are always there."""
    named = [import_string(name)() for name in getattr(settings, "EARSHOT_AUTHENTICATORS", ())]
    stored = [AuthTokens()] if apps.is_installed("rest_framework.authtoken") else []
    return (*named, *stored, Jwt(), Accepted())


def stored_token(request: Any) -> tuple[User, Any] | None:
    """Return whose token of `rest_framework.authtoken` a request of REST has, and its row."""
    if not any(isinstance(each, AuthTokens) for each in others()):
        return None
    try:
        return authentication.TokenAuthentication().authenticate(request)
    except exceptions.AuthenticationFailed:
        return None


def of_handshake(request: HttpRequest) -> Found | None:
    """Return who this handshake is by any of them; None if nobody is; or raise NotAuthenticated."""
    refused = None
    for each in others():
        try:
            if found := each.of_handshake(request):
                return found
        except (exceptions.AuthenticationFailed, UnicodeDecodeError) as error:
            refused = error
    if refused is not None:
        raise NotAuthenticated from refused
    return None


def of_request(request: Request) -> Credential:
    """Return by what an authenticated request was accepted."""
    found = (each.of_request(request) for each in others())
    return next(credential for credential in found if credential is not None)


def good(keys: Iterable[tuple[str, str]]) -> Iterator[Found]:
    """Yield those of these (kind, key) that are good, with their users; none of other kinds."""
    held = set(keys)
    for each in others():
        if mine := {key for kind, key in held if kind == each.kind}:
            yield from each.good(mine)


def _users(keys: Collection[str], cuts: int) -> set[Any]:
    """Return the users whom these keys name last, after so many colons."""
    found = set()
    for key in keys:
        try:
            found.add(User._meta.pk.to_python(key.split(":", cuts)[-1]))
        except ValidationError:
            continue
    return found

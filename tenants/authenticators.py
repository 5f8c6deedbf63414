"""By what somebody may come in, beside our tokens and sessions: a class for each kind.

Tickets are given to whoever the project's own REST authentication accepts. A credential that
cannot say that it ended lasts until it expires, and with it the socket.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

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
from tenants.limits import limits
from tenants.refused import NotAuthenticated
from tenants.users import User

OURS: Final = (
    KnoxAuthentication,
    authentication.SessionAuthentication,
    authentication.BasicAuthentication,
)
"""Authentication that a handshake is not asked by as it stands: what has a kind of its own, and
passwords, which sockets do not take."""

EXPIRIES: Final = ("expires_at", "expires", "expiry")
"""The fields in which rows of other libraries say until when they are good."""


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

    `user` is the field that names whose they are. A changed password deletes them, and so does
    `POST /api/logoutall/`.
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
    """What cannot say that it ended: it is good until its time, of active users whose password is
    still the one with which it came."""

    kind = ""

    def good(self, keys: Collection[str]) -> Iterator[Found]:
        """Yield those whose time has not come, of active users with the same password."""
        ours = User._base_manager.filter(users.active(), pk__in=_users(keys, 3)).in_bulk()
        named = {str(user.pk): (user, _passwords(user)) for user in ours.values()}
        for key in keys:
            stamp, *marks, name = key.split(":", 3)
            user, passwords = named.get(name, (None, ()))
            until = datetime.fromtimestamp(int(stamp), UTC)
            if user is not None and marks[-1] in passwords and until > timezone.now():
                yield user, Credential(self.kind, key, until)

    def rows(self) -> None:
        """Return nothing."""

    def credential(self, user: Any, until: datetime, mark: str) -> Credential:
        """Return that of a user; `mark` tells it from their others."""
        stamp = int(until.timestamp())
        row = user if isinstance(user, User) else User._base_manager.filter(pk=user.pk).first()
        password = _passwords(row)[0] if row else ""  # nobody's is never good
        key = f"{stamp}:{mark}:{password}:{user.pk}"
        return Credential(self.kind, key, datetime.fromtimestamp(stamp, UTC))


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
            if each is authentication.TokenAuthentication or issubclass(each, OURS):
                continue
            if found := each().authenticate(Request(request)):
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
        try:
            until = datetime.fromtimestamp(claims["exp"], UTC)
        except (ValueError, OverflowError, OSError) as error:  # milliseconds, or no time at all
            raise NotAuthenticated from error
        return self.credential(user, until, sha256(mark.encode()).hexdigest()[:32])


class Accepted(UntilExpiry):
    """Anything else that REST's authentication accepted, which opens sockets by tickets only, not
    for longer than a token of ours would live, nor than its row says."""

    kind = "accepted"

    def of_handshake(self, request: HttpRequest) -> None:
        """Return nothing."""

    def of_request(self, request: Request) -> Credential:
        """Return one that nothing else has."""
        seconds = timedelta(hours=limits()["token_hours"])
        ends = [timezone.now() + (knox_settings.TOKEN_TTL or seconds)]
        for name in EXPIRIES:
            own = getattr(request.auth, name, None)
            if isinstance(own, datetime):
                ends += [timezone.make_aware(own) if timezone.is_naive(own) else own]
        return self.credential(request.user, min(ends), secrets.token_hex(8))


def others() -> tuple[Authenticator, ...]:
    """Return the project's (`EARSHOT_AUTHENTICATORS`), and those that are always there.

    Tokens of `rest_framework.authtoken` count as they are only where nothing narrower takes them:
    a subclass of its authentication may refuse some, and is asked itself.
    """
    named = [import_string(name)() for name in getattr(settings, "EARSHOT_AUTHENTICATORS", ())]
    plain = authentication.TokenAuthentication
    there = plain in _of_tokens() and not plain().get_model()._meta.abstract  # it is not installed
    stored = [AuthTokens()] if there else []
    return (*named, *stored, Jwt(), Accepted())


def stored_token(request: Any) -> tuple[User, Any] | None:
    """Return what the project's own authentication by stored tokens says of a request of REST."""
    for each in _of_tokens():
        try:
            if found := each().authenticate(request):
                return found  # type: ignore[no-any-return]
        except exceptions.APIException:
            continue
    return None


def of_handshake(request: HttpRequest) -> Found | None:
    """Return who this handshake is by any of them; None if nobody is; or raise NotAuthenticated."""
    refused: Exception | None = None
    if has_nul(request):
        raise NotAuthenticated
    for each in others():
        try:
            if found := each.of_handshake(request):
                return found
        except (exceptions.APIException, UnicodeDecodeError) as error:
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


def has_nul(request: Any) -> bool:
    """Return whether the header has a character that PostgreSQL would not take."""
    return "\0" in request.META.get("HTTP_AUTHORIZATION", "")


def _of_tokens() -> list[Any]:
    """Return the project's own authentication by tokens of `rest_framework.authtoken`."""
    classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    return [each for each in classes if issubclass(each, authentication.TokenAuthentication)]


def _passwords(user: Any) -> list[str]:
    """Return digests of the user's password, with the present secret key and those before it."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return [sha256(each.encode()).hexdigest()[:16] for each in hashes]


def _users(keys: Collection[str], cuts: int) -> set[Any]:
    """Return the users whom these keys name last, after so many colons."""
    found = set()
    for key in keys:
        try:
            found.add(User._meta.pk.to_python(key.split(":", cuts)[-1]))
        except ValidationError:
            continue
    return found

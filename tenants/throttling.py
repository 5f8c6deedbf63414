"""Limits per minute, counted in Django's cache: local memory, so that no broker can stop them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from threading import Lock
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants import hashing
from tenants.addresses import address_of, is_known, remember
from tenants.limits import limits
from tenants.metrics import count_refusal
from tenants.refused import NotAuthenticated

MINUTE = 60.0


class Minute:
    """A limit within the minute that begins with the first thing counted."""

    timer: Callable[[], float] = time.time

    def __init__(self, name: str, whose: object, own: Mapping[str, Any] | None = None) -> None:
        self.limit: int = (limits() if own is None else own)[name]
        # Hashed, because a name that a client sends may not be a valid cache key.
        self.key = f"{name}:{sha256(str(whose).encode()).hexdigest()}"

    def room(self) -> int:
        return self.limit - self._read()[1]

    def wait(self) -> float:
        """Return the seconds until there is room for the whole limit again."""
        return self._read()[0] - self.timer()

    def add(self, number: int = 1) -> None:
        ends, count = self._read()
        # What is taken back may have been counted in the minute before.
        cache.set(self.key, (ends, max(0, count + number)), ends - self.timer())

    def _read(self) -> tuple[float, int]:
        now = self.timer()
        ends, count = cache.get(self.key, (0.0, 0))
        return (ends, count) if ends > now else (now + MINUTE, 0)


class UserThrottle(BaseThrottle):
    """Counts a user's requests; requests without a user are refused without it."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return True
        tenant = getattr(request, "tenant", None)  # some requests are about no tenant
        own = limits(tenant.limits if tenant else None)
        self.minute = Minute("requests_per_minute", request.user.pk, own)
        with _turn:
            if room := self.minute.room() > 0:
                self.minute.add()
        if not room:
            count_refusal(tenant.pk if tenant else None, "requests_per_minute")
        return room

    def wait(self) -> float:
        return self.minute.wait()


@contextmanager
def login_limits(
    request: Request | HttpRequest, username: str, *, inside: bool = False
) -> Iterator[None]:
    """Let the body use a password of this username in a hashing lane, or raise Throttled.

    `NotAuthenticated` counts as a failure, for the address, for the username at this address, and,
    where its user has not logged in lately, for the username among all strangers. Somebody `inside`
    already, by a token or a session, has no reason to use it often: with them every use counts.
    """
    address = address_of(request)
    failures = [
        Minute("login_failures_per_address", address),
        Minute("login_failures_per_username", (username, address)),
    ]
    uses = Minute("logins_per_username", (username, address))
    check(*failures, uses)  # who will be refused anyway costs no query and waits for nothing
    known = is_known(username, address)
    lane = hashing.known if known or inside else hashing.strangers
    if not known:
        failures.append(Minute("login_failures_of_strangers", username))
        check(*failures)
    # A claimed name is no user yet: strangers who claim it would wait for each other.
    with lane.place(address, username if known or inside else None):
        count(*failures, uses)
        try:
            yield
        except NotAuthenticated:
            raise
        except BaseException:
            if not inside:
                take_back(*failures)
            raise
        if not inside:
            take_back(*failures)
            remember(username, address)


def reset_limits(request: Request, email: str) -> None:
    """Count a request for a new password, for its address and its e-mail; raise Throttled."""
    count(
        Minute("resets_per_address", address_of(request)),
        Minute("resets_per_email", email.casefold()),
    )


def count(*minutes: Minute) -> None:
    """Count one of each, or none of them and raise Throttled if one has no room."""
    with _turn:
        check(*minutes)
        for minute in minutes:
            minute.add()


def check(*minutes: Minute) -> None:
    """Raise Throttled if one of them has no room."""
    for minute in minutes:
        if minute.room() <= 0:
            raise Throttled(minute.wait())


def take_back(*minutes: Minute) -> None:
    """Uncount one of each: what was counted turned out not to be one of them."""
    with _turn:
        for minute in minutes:
            minute.add(-1)


# Guards the counts of this process.
_turn = Lock()

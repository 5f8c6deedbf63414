"""Limits per minute, counted in Django's cache: local memory, so that no broker can stop them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from threading import Condition
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.credentials import NotAuthenticated
from tenants.limits import limits
from tenants.metrics import count_refusal

MINUTE = 60.0


class Minute:
    """So many of something in the minute that begins with the first of them."""

    timer: Callable[[], float] = time.time

    def __init__(self, name: str, whose: object, own: Mapping[str, Any] | None = None) -> None:
        self.limit = (limits() if own is None else own)[name]
        # Hashed, because what a client sends as its name may be no good cache key.
        self.key = f"{name}:{sha256(str(whose).encode()).hexdigest()}"

    def room(self) -> int:
        return self.limit - self._read()[1]

    def wait(self) -> float:
        """The seconds until there is room for the whole limit again."""
        return self._read()[0] - self.timer()

    def add(self) -> None:
        ends, count = self._read()
        cache.set(self.key, (ends, count + 1), ends - self.timer())

    def _read(self) -> tuple[float, int]:
        now = self.timer()
        ends, count = cache.get(self.key, (0.0, 0))
        return (ends, count) if ends > now else (now + MINUTE, 0)


class UserThrottle(BaseThrottle):
    """Counts the requests of a user; those who are nobody yet are refused without it."""

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
def login_limits(request: Request | HttpRequest, username: str) -> Iterator[None]:
    """Let the body try a login; `NotAuthenticated` counts, for the address and the username."""
    address = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # either has META
    with (
        _attempt(Minute("login_failures_per_address", address)),
        _attempt(Minute("login_failures_per_username", username)),
    ):
        yield


def reset_limits(request: Request, email: str) -> None:
    """Count a request for a new password, for its address and its e-mail; raise Throttled."""
    address = BaseThrottle().get_ident(request)
    count(Minute("resets_per_address", address), Minute("resets_per_email", email.casefold()))


def count(*minutes: Minute) -> None:
    """Count one of each, or none of them and raise Throttled if one has no room."""
    with _turn:
        for minute in minutes:
            if minute.room() <= 0:
                raise Throttled(minute.wait())
        for minute in minutes:
            minute.add()


@contextmanager
def _attempt(failures: Minute) -> Iterator[None]:
    """One of as many attempts at a time as may still fail: more at once would be free guesses."""
    with _turn:
        while 0 < failures.room() <= _attempts[failures.key]:
            _turn.wait()
        if failures.room() <= 0:
            raise Throttled(failures.wait())
        _attempts[failures.key] += 1
    failed = False
    try:
        yield
    except NotAuthenticated:
        failed = True
        raise
    finally:
        with _turn:
            if failed:
                failures.add()
            _attempts[failures.key] -= 1
            if not _attempts[failures.key]:
                del _attempts[failures.key]
            _turn.notify_all()


# Guards the counts of this process, and wakes attempts that wait for another to end.
_turn = Condition()
_attempts: Counter[str] = Counter()

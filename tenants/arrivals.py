"""Requests about passwords as they arrive: few from one address are at work at once.

The others wait before they take a thread, and those for which there is no room even to wait are
refused before Django sees them. Otherwise a hundred that arrive together would keep everybody
else's requests waiting until all of them are answered. Who has not sent their whole body takes no
place: a few slow ones would keep out all of their address.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import uniform
from typing import Any

from django.core.handlers.asgi import get_script_prefix
from django.http import Http404
from django.urls import resolve

from tenants.addresses import address_of
from tenants.bodies import refuse
from tenants.credentials import request_of
from tenants.limits import limits

ADMIN_LOGIN = "admin:login"
RETRY_SECONDS = 1
REFUSAL = f"Request was throttled. Expected available in {RETRY_SECONDS} second."


class TooManyAtOnce(Exception):
    """Too many requests of this address wait already, or this one has waited long enough."""


class Turns:
    """How many of an address's requests are here, and whose turn it is."""

    def __init__(self) -> None:
        self.here = 0
        self._turn = asyncio.Semaphore(limits()["passwords_at_once"])

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Be at work, as one of few; raise TooManyAtOnce if that takes too long to begin."""
        try:
            async with asyncio.timeout(limits()["hashing_seconds"]):
                await self._turn.acquire()
        except TimeoutError:
            raise TooManyAtOnce from None
        try:
            yield
        finally:
            self._turn.release()


class Arrivals:
    """An ASGI application for one event loop, which hands on a request about a password with the
    turns of its address (`scope["turns"]`), or refuses it."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._turns: dict[str, Turns] = {}
        self._refusing = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Django takes "post" for a POST, too.
        if scope["method"].upper() != "POST" or not is_about_a_password(path_of(scope)):
            await self._application(scope, receive, send)
            return
        try:
            with self._place(address_of(request_of(scope))) as turns:
                await self._application({**scope, "turns": turns}, receive, send)
        except TooManyAtOnce:
            await self._spread()
            await refuse(send, 429, REFUSAL, "throttled", RETRY_SECONDS)

    async def _spread(self) -> None:
        """Wait for a part of the time after which they may come again: who is refused together
        would come back together, and keep everybody waiting each time."""
        if self._refusing >= limits()["hashing_waiting"]:
            return  # so that waiting costs no more than this many connections
        self._refusing += 1
        try:
            await asyncio.sleep(uniform(0, RETRY_SECONDS))  # noqa: S311 - no secret
        finally:
            self._refusing -= 1

    @contextmanager
    def _place(self, address: str) -> Iterator[Turns]:
        """Be here, at work or waiting; raise TooManyAtOnce if too many of the address are."""
        now = limits()
        turns = self._turns.setdefault(address, Turns())
        if turns.here >= now["passwords_at_once"] + max(1, now["hashing_waiting"] // 4):
            raise TooManyAtOnce
        turns.here += 1
        try:
            yield turns
        finally:
            turns.here -= 1
            if not turns.here:
                del self._turns[address]


def path_of(scope: Any) -> str:
    """Return where a request goes, as Django will find it."""
    path: str = scope["path"]
    return path.removeprefix(get_script_prefix(scope))


def is_about_a_password(path: str) -> bool:
    """Return whether the view there checks the password of a POST or sends a link to set one."""
    try:
        match = resolve(path)
    except Http404:
        return False
    view: Any = getattr(match.func, "view_class", None)
    return getattr(view, "about_passwords", False) or match.view_name == ADMIN_LOGIN

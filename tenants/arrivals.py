"""Requests about passwords as they arrive: few from one address are at work at once.

The others wait before they take a thread. Otherwise a hundred that arrive together, each soon
refused, would keep everybody else's requests waiting until all of them are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import resolve

from tenants.limits import limits

ADMIN_LOGIN = "admin:login"


class TooManyAtOnce(Exception):
    """Too many requests of this address wait already, or this one has waited long enough."""


class Arrivals:
    """Which requests are at work and which wait, by address; for one event loop."""

    def __init__(self) -> None:
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._here: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Hold one of the few places of this address; raise TooManyAtOnce."""
        now = limits()
        here = self._here.get(address, 0)
        if here >= now["passwords_at_once"] + max(1, now["hashing_waiting"] // 4):
            raise TooManyAtOnce
        self._here[address] = here + 1
        turns = self._turns.setdefault(address, asyncio.Semaphore(now["passwords_at_once"]))
        try:
            try:
                async with asyncio.timeout(now["hashing_seconds"]):
                    await turns.acquire()
            except TimeoutError:
                raise TooManyAtOnce from None
            try:
                yield
            finally:
                turns.release()
        finally:
            self._here[address] -= 1
            if not self._here[address]:
                del self._here[address], self._turns[address]


def is_about_a_password(request: HttpRequest) -> bool:
    """Return whether the request's view checks a password or sends a link to set one."""
    if request.method != "POST":
        return False
    try:
        match = resolve(request.path_info)
    except Http404:
        return False
    view: Any = getattr(match.func, "view_class", None)
    return getattr(view, "about_passwords", False) or match.view_name == ADMIN_LOGIN

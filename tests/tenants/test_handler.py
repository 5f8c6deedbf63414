"""Requests are answered on threads that stay, each of which has one at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from tenants.handler import Handler
from tests.tenants.test_bodies import Client

kept = threading.local()


class Counting(Handler):
    """Counts the requests that each thread has answered; each waits until so many are at work."""

    def __init__(self, at_once: int = 1) -> None:
        super().__init__()
        self.answered: list[int] = []
        self._at_work = threading.Barrier(at_once)

    def get_response(self, request: HttpRequest) -> HttpResponse:
        kept.requests = getattr(kept, "requests", 0) + 1
        self.answered.append(kept.requests)
        self._at_work.wait(60)
        return HttpResponse(b"")


async def ask(handler: Handler, many: int) -> None:
    """Many requests at once."""
    await asyncio.gather(*(Client().pass_on(handler, "GET", "/") for _ in range(many)))


async def test_requests_one_after_another_are_answered_on_one_thread() -> None:
    handler = Counting()
    for _ in range(3):
        await ask(handler, 1)
    assert handler.answered == [1, 2, 3]


async def test_requests_at_once_are_answered_on_threads_of_their_own() -> None:
    handler = Counting(at_once=3)
    for _ in range(2):
        await ask(handler, 3)
    assert Counter(handler.answered) == {1: 3, 2: 3}


async def test_no_more_threads_stay_than_there_are_connections(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"database_connections": 2}
    handler = Counting(at_once=3)
    for _ in range(2):
        await ask(handler, 3)
    assert Counter(handler.answered) == {1: 4, 2: 2}

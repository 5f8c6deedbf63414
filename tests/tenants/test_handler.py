"""Requests are answered on threads that stay, each of which has one at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
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
        self.requests: list[HttpRequest] = []
        self.began = asyncio.Event()
        self.rested = threading.Semaphore(0)
        self._at_work = threading.Barrier(at_once)
        self._loop = asyncio.get_running_loop()

    def get_response(self, request: HttpRequest) -> HttpResponse:
        kept.requests = getattr(kept, "requests", 0) + 1
        self.answered.append(kept.requests)
        self.requests.append(request)
        self._loop.call_soon_threadsafe(self.began.set)
        self._at_work.wait(60)
        return HttpResponse(b"")

    def _rest(self, thread: ThreadPoolExecutor, ended: Future[None]) -> None:
        super()._rest(thread, ended)
        self.rested.release()

    async def ask(self, many: int = 1) -> None:
        """Many requests at once, until all that they did is over."""
        await asyncio.gather(*(Client().pass_on(self, "GET", "/") for _ in range(many)))
        for _ in range(many):
            assert self.rested.acquire(timeout=60)


class Leaving(Client):
    """A client that leaves when its request is being worked on."""

    def __init__(self, began: asyncio.Event) -> None:
        super().__init__()
        self._began = began

    async def receive(self) -> Any:
        if not self.read:
            return await super().receive()
        await self._began.wait()
        return {"type": "http.disconnect"}


@pytest.fixture
def told() -> Iterator[list[tuple[Any, threading.Thread]]]:
    """What Django's signals of requests said, and where."""
    found: list[tuple[Any, threading.Thread]] = []

    def hear(signal: Any, sender: Any, **_: Any) -> None:
        assert issubclass(sender, Handler)
        found.append((signal, threading.current_thread()))

    for signal in (request_started, request_finished):
        signal.connect(hear)
    yield found
    for signal in (request_started, request_finished):
        signal.disconnect(hear)


async def test_requests_one_after_another_are_answered_on_one_thread() -> None:
    handler = Counting()
    for _ in range(3):
        await handler.ask()
    assert handler.answered == [1, 2, 3]


async def test_requests_at_once_are_answered_on_threads_of_their_own() -> None:
    handler = Counting(at_once=3)
    for _ in range(2):
        await handler.ask(3)
    assert Counter(handler.answered) == {1: 3, 2: 3}


async def test_no_more_threads_stay_than_there_are_connections(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"database_connections": 2}
    handler = Counting(at_once=3)
    for _ in range(2):
        await handler.ask(3)
    assert Counter(handler.answered) == {1: 4, 2: 2}


async def test_signals_are_part_of_the_work_on_the_thread(
    told: list[tuple[Any, threading.Thread]],
) -> None:
    await Counting().ask()
    [begins, ends] = told
    assert (begins[0], ends[0]) == (request_started, request_finished)
    assert begins[1] is ends[1] is not threading.current_thread()


async def test_thread_of_a_client_that_has_left_answers_nobody_until_it_is_done(
    told: list[tuple[Any, threading.Thread]],
) -> None:
    handler = Counting(at_once=2)
    leaving = Leaving(handler.began)
    left = asyncio.create_task(leaving.pass_on(handler, "GET", "/"))
    await asyncio.wait([left])
    await handler.ask()
    assert handler.rested.acquire(timeout=60)
    assert handler.answered == [1, 1]
    assert leaving.status == 0
    assert Counter(signal for signal, _ in told) == {request_started: 2, request_finished: 2}
    assert all(request._stream.closed for request in handler.requests)


async def test_who_leaves_before_the_body_is_there_takes_no_thread() -> None:
    handler, client = Counting(), Client(None)
    await client.pass_on(handler, "POST", "/")
    assert client.status == 0
    assert not handler.answered


async def test_address_that_django_cannot_read_takes_no_thread() -> None:
    handler, client = Counting(), Client()
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"\xff", "headers": []}
    await handler(scope, client.receive, client.send)
    assert client.status == 400
    assert not handler.answered

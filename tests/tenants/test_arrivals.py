"""Of one address few requests about passwords are at work at once, however many arrive."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from tenants import arrivals
from tenants.arrivals import Arrivals, is_about_a_password, path_of
from tenants.bodies import BoundedBodies
from tenants.handler import Handler
from tests.tenants.test_bodies import Client

LOGIN = "/api/login/"


class Pauses:
    """So many refusals wait next, for good; those after them make no pause."""

    def __init__(self) -> None:
        self.next = 0
        self.waiting = asyncio.Semaphore(0)

    def __call__(self, low: float, high: float) -> float:
        if not self.next:
            return low
        self.next -= 1
        self.waiting.release()
        return 3600


@pytest.fixture(autouse=True)
def pauses(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Pauses:
    limits = {"passwords_at_once": 2, "hashing_waiting": 16, "hashing_seconds": 60.0}
    settings.EARSHOT = settings.EARSHOT | limits
    found = Pauses()
    monkeypatch.setattr(arrivals, "uniform", found)
    return found


class Held(Handler):
    """A handler whose views wait until the test lets them answer; it counts who is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = asyncio.Semaphore(0)
        self.may_answer = threading.Event()
        self.begun = 0
        self.http = BoundedBodies(Arrivals(self))
        self._loop = asyncio.get_running_loop()

    def get_response(self, request: HttpRequest) -> HttpResponse:
        self._loop.call_soon_threadsafe(self._count)
        assert self.may_answer.wait(60)
        return HttpResponse(b"{}", content_type="application/json")

    def _count(self) -> None:
        self.begun += 1
        self.at_work.release()

    def ask(self, url: str = LOGIN, address: str = "192.0.2.1", method: str = "POST") -> Any:
        return asyncio.create_task(asked(self, Client(), url, address, method))


async def asked(
    server: Held, client: Client, url: str = LOGIN, address: str = "192.0.2.1", method: str = "POST"
) -> int:
    """Return the answer's status."""
    client.address = address
    await client.pass_on(server.http, method, url)
    return client.status


async def test_flood_of_an_address_is_at_work_by_few_at_once() -> None:
    server = Held()
    flood = [server.ask() for _ in range(6)]
    for _ in range(2):
        await server.at_work.acquire()
    others = [
        server.ask(address="192.0.2.2"),
        server.ask("/api/me/"),
        server.ask("/api/nothing/"),
        server.ask(method="GET"),
    ]
    for _ in others:  # each in the thick of it
        await server.at_work.acquire()
    assert server.begun == 2 + len(others)
    late = await server.ask()
    server.may_answer.set()
    assert late == 429
    assert await asyncio.gather(*flood, *others) == [200] * 10
    assert server.begun == 10
    assert await server.ask() == 200


async def test_who_finds_no_room_is_refused_before_django() -> None:
    server = Held()
    flood = [server.ask(method="post"), *(server.ask() for _ in range(5))]
    for _ in range(2):
        await server.at_work.acquire()
    refused = Client()
    assert await asked(server, refused) == 429
    assert json.loads(refused.body)["code"] == "throttled"
    assert refused.answered[b"retry-after"] == b"1"
    server.may_answer.set()
    assert await asyncio.gather(*flood) == [200] * 6


async def test_refusals_are_spread_but_no_more_of_them_than_may_wait(pauses: Pauses) -> None:
    server = Held()
    flood = [server.ask() for _ in range(6)]
    for _ in range(2):
        await server.at_work.acquire()
    for many in (16, 1):  # whoever goes makes room
        pauses.next = many
        spread = [server.ask() for _ in range(many)]
        for _ in spread:
            await pauses.waiting.acquire()
        if many == 16:
            pauses.next = 1
            assert await server.ask() == 429
        assert not any(task.done() for task in spread)
        for task in spread:
            task.cancel()
        await asyncio.gather(*spread, return_exceptions=True)
    server.may_answer.set()
    assert await asyncio.gather(*flood) == [200] * 6


async def test_body_that_does_not_come_takes_no_place() -> None:
    server = Held()
    server.may_answer.set()
    slow = [asyncio.create_task(asked(server, Client(...))) for _ in range(7)]
    assert await server.ask() == 200
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_who_waits_too_long_is_told_when_to_come_again(settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"hashing_seconds": 0.01}
    server = Held()
    first = [server.ask(), server.ask()]
    for _ in first:
        await server.at_work.acquire()
    client = Client()
    assert await asked(server, client) == 429
    assert json.loads(client.body)["code"] == "throttled"
    assert client.answered[b"Retry-After"] == b"1"
    server.may_answer.set()
    assert await asyncio.gather(*first) == [200, 200]


async def test_whoever_goes_while_waiting_leaves_no_trace() -> None:
    inside, goes, client = asyncio.Semaphore(0), asyncio.Event(), Client()

    async def work(scope: Any, receive: Any, send: Any) -> None:
        async with scope["turns"].turn():
            inside.release()
            await goes.wait()

    arrivals = Arrivals(work)
    tasks = [asyncio.create_task(client.pass_on(arrivals, "POST", LOGIN)) for _ in range(6)]
    for _ in range(2):
        await inside.acquire()
    await client.pass_on(arrivals, "POST", LOGIN)
    assert client.status == 429
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert vars(arrivals) == vars(Arrivals(work))


@pytest.mark.parametrize(
    ("path", "about"),
    [
        (LOGIN, True),
        ("/api/password/", True),
        ("/api/password/reset/", True),
        ("/api/password/confirm/", True),
        ("/admin/login/", True),
        ("/api/logout/", False),
        ("/api/documents/", False),
        ("/nothing", False),
    ],
)
def test_posts_that_look_at_passwords_are_known(path: str, about: bool) -> None:
    assert is_about_a_password(path_of({"path": path})) is about
    assert is_about_a_password(path_of({"path": f"/app{path}", "root_path": "/app"})) is about

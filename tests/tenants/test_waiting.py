"""Answers that slow readers have not taken: counted, bounded, and gone when they are."""

import asyncio
import gc
import itertools
import json
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings
from rest_framework.response import Response

from tenants.handler import Handler
from tenants.waiting import SMALL, Waiting, waiting
from tests.world import World


def test_what_is_held_is_bounded_for_each_holder() -> None:
    held = Waiting()
    one, two, all_ = ("user", 1), ("user", 2), ("process", None)
    assert held.hold({one: 10, all_: 15}, 10)
    assert not held.hold({one: 10, all_: 15}, 1)
    assert held.hold({two: 10, all_: 15}, 5)
    assert not held.hold({two: 10, all_: 15}, 1)
    held.release([one, all_], 10)
    assert held.hold({one: 10, all_: 15}, 9)
    assert held[all_] == 14


def test_one_answer_may_be_of_any_size() -> None:
    held = Waiting()
    assert held.hold({("user", 1): 10}, 100)
    assert not held.hold({("user", 1): 10}, 1)
    held.release([("user", 1)], 100)
    assert held.hold({("user", 1): 10}, 100)


class Slow:
    """A client of the ASGI application that takes nothing until it is told to; with `ends`, its
    server says that it has gone as soon as it has all, as uvicorn does."""

    def __init__(self, url: str, token: str, *, ends: bool = False) -> None:
        self.ends = ends
        self.gate = asyncio.Event()
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.body = b""
        self.gone = asyncio.Event()
        path, _, query = url.partition("?")
        headers = {"authorization": f"Token {token}", "x-tenant": "acme", "host": "localhost"}
        self.scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": path,
            "query_string": query.encode(), "client": ["127.0.0.1", 1], "server": ["127.0.0.1", 80],
            "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        }  # fmt: skip
        self.sent = False
        self.task = asyncio.ensure_future(self._ask())

    async def _ask(self) -> None:
        handler = Handler()
        await handler(self.scope, self.receive, self.send)
        thread = handler._idle.get(timeout=60)
        await asyncio.wrap_future(thread.submit(int))  # by then it has let go of its last work

    async def receive(self) -> Any:
        if not self.sent:
            self.sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status.set_result(message["status"])
        await self.gate.wait()
        self.body += message.get("body", b"")
        if self.ends and message["type"] == "http.response.body" and not message.get("more_body"):
            self.gone.set()

    async def take(self) -> int:
        self.gate.set()
        await self.task
        return await self.status


@pytest.fixture
def large(world: World, settings: Settings) -> World:
    world.write(body="b" * 80_000)
    settings.EARSHOT = settings.EARSHOT | {"answers_bytes_per_user": 200_000}
    return world


@pytest.mark.asyncio
async def test_slow_reader_holds_no_more_than_one_share_and_others_are_answered(
    large: World,
) -> None:
    token, other = [await sync_to_async(large.token)(name) for name in ("owner", "editor")]
    slow = [Slow(large.url, token) for _ in range(2)]
    assert [await reader.status for reader in slow] == [200, 200]
    third = Slow(large.url, token)
    assert await third.take() == 429
    assert json.loads(third.body)["code"] == "throttled"
    assert await Slow(large.url, other).take() == 200
    assert [await reader.take() for reader in slow] == [200, 200]
    assert await Slow(large.url, token).take() == 200
    assert waiting[("process", None)] == 0


@pytest.mark.asyncio
async def test_answer_whose_reader_has_gone_is_not_counted(large: World) -> None:
    reader = Slow(large.url, await sync_to_async(large.token)("owner"))
    assert await reader.status == 200
    assert waiting[("process", None)] > SMALL
    reader.gone.set()
    await reader.task
    assert waiting[("process", None)] == 0


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Response]]]:
    """The answers that are made, while no garbage is collected."""
    found: list[weakref.ref[Response]] = []
    render = Response.render

    def seen(self: Response) -> Any:
        found.append(weakref.ref(self))
        return render(self)

    monkeypatch.setattr(Response, "render", seen)
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


@pytest.mark.asyncio
async def test_answer_that_was_taken_is_not_kept_until_garbage_is_collected(
    large: World, rendered: list[weakref.ref[Response]]
) -> None:
    token = await sync_to_async(large.token)("owner")
    assert await Slow(large.url, token).take() == 200
    assert [reference() for reference in rendered] == [None]


@pytest.mark.asyncio
async def test_answer_is_not_kept_when_the_server_says_that_all_was_taken(
    large: World, rendered: list[weakref.ref[Response]]
) -> None:
    reader = Slow(large.url, await sync_to_async(large.token)("owner"), ends=True)
    assert await reader.take() == 200
    assert reader.gone.is_set()
    assert [reference() for reference in rendered] == [None]


@pytest.mark.asyncio
async def test_answer_whose_reader_has_gone_is_not_kept(
    large: World, rendered: list[weakref.ref[Response]]
) -> None:
    reader = Slow(large.url, await sync_to_async(large.token)("owner"))
    assert await reader.status == 200
    reader.gone.set()
    await reader.task
    assert [reference() for reference in rendered] == [None]


@pytest.mark.asyncio
async def test_answer_that_is_refused_is_not_kept(
    large: World, settings: Settings, rendered: list[weakref.ref[Response]]
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"answers_bytes_per_user": 0}
    token = await sync_to_async(large.token)("owner")
    slow = Slow(large.url, token)
    assert await slow.status == 200
    assert await Slow(large.url, token).take() == 429
    assert await slow.take() == 200
    assert [reference() for reference in rendered] == [None, None]


def test_small_answers_are_not_counted(world: World, settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"answers_bytes": 1}
    client = world.rest("owner")
    assert [client.get(world.url).status_code for _ in range(3)] == [200] * 3


@pytest.mark.asyncio
async def test_request_is_worked_on_in_one_thread_and_changes_to_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await sync_to_async(world.token)("owner")
    await Slow(world.url, token).take()  # what is imported and written once
    loop = asyncio.get_running_loop()
    run, jobs = loop.run_in_executor, itertools.count()
    monkeypatch.setattr(loop, "run_in_executor", lambda *job: next(jobs) * 0 or run(*job))
    assert await Slow(world.url, token).take() == 200
    assert next(jobs) == 1  # Django would change for its signals, too

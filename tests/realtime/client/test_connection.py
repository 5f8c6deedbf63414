"""How the Python client connects, notices a dead server, and comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.client import CredentialRefused, Earshot, Status, Stopped, connect
from realtime.client.connection import with_tenant
from tests.realtime.client.scripted import MODEL, scripted, state, welcome


class Statuses:
    """What a client was told of its connection."""

    def __init__(self) -> None:
        self.all: list[Status] = []
        self._new = asyncio.Event()

    def __call__(self, status: Status) -> None:
        self.all.append(status)
        self._new.set()

    async def until(self, state: str) -> Status:
        """The last status, once it is this."""
        while not self.all or self.all[-1].state != state:
            self._new.clear()
            await self._new.wait()
        return self.all[-1]


def client(url: str, **more: Any) -> tuple[Earshot, Statuses]:
    statuses = Statuses()
    options: dict[str, Any] = {"credentials": "t", "proxy": None, "on_status": statuses} | more
    return connect(url, **options), statuses


async def test_client_comes_back_and_asks_with_the_etag_that_it_holds() -> None:
    async with scripted() as server:
        earshot, statuses = client(server.url, tenant="acme")
        async with earshot:
            line = await server.line()
            await line.say(welcome())
            copies = aiter(earshot.object(MODEL, "a"))
            await anext(copies)
            await line.subscribed()
            await anext(copies)
            await line.close(4503)
            line = await server.line()
            assert earshot.object(MODEL, "a").value.state == "pending"
            await line.say(welcome())
            assert (await line.hear())["etag"] == "e1"
            await copies.aclose()  # type: ignore[attr-defined]
    assert (line.path, line.token) == ("/ws/?tenant=acme", "Token t")
    waiting = next(status for status in statuses.all if status.state == "waiting")
    assert waiting.code == 4503


async def test_refused_credential_is_renewed_once_and_what_it_showed_forgotten() -> None:
    asked = []

    async def credentials(renew: bool) -> str:
        asked.append(renew)
        if len(asked) == 3:
            raise CredentialRefused
        return f"t{len(asked)}"

    async with scripted() as server:
        earshot, statuses = client(server.url, credentials=credentials)
        async with earshot:
            await (await server.line()).close(4401)
            line = await server.line()
            assert line.token == "Token t2"
            await line.say(welcome())
            await line.close(4503)
            assert await statuses.until("stopped") == Status("stopped", 4401)
    assert asked == [False, True, False]


async def test_credential_that_must_wait_is_asked_for_later() -> None:
    def credentials(renew: bool) -> None:
        raise CredentialRefused(429, 30)

    earshot, statuses = client("ws://127.0.0.1:1/", credentials=credentials)
    async with earshot:
        waiting = await statuses.until("waiting")
        assert (waiting.code, waiting.delay) == (4429, 30)


async def test_server_that_answers_no_ping_is_left() -> None:
    async with scripted() as server:
        earshot, _ = client(server.url)
        async with earshot:
            line = await server.line()
            await line.say(welcome(heartbeat=0.2))
            assert (await line.hear())["action"] == "ping"
            await line.say({"type": "PONG"})
            assert (await line.hear())["action"] == "ping"
            await server.line()
            await line.closed()


async def test_server_that_refuses_a_frame_for_its_rate_is_left_for_a_while() -> None:
    async with scripted() as server:
        earshot, statuses = client(server.url)
        async with earshot:
            line = await server.line()
            await line.say(welcome(), {"type": "ERROR", "code": "rate_limited", "detail": ""})
            await line.closed()
            again = await server.line()
            await again.say(welcome())
            await statuses.until("open")
    assert 4429 in [status.code for status in statuses.all]


async def test_client_stays_below_the_limit_of_frames() -> None:
    frames: list[tuple[str, str]] = []
    async with scripted() as server:
        earshot, _ = client(
            server.url, on_frame=lambda frame, way: frames.append((frame.get("id", ""), way))
        )
        async with earshot:
            line = await server.line()
            copies = [aiter(earshot.object(MODEL, id)) for id in "abc"]
            for each in copies:
                await anext(each)
            began = asyncio.get_running_loop().time()
            await line.say(welcome(frames_burst=2.5, frames_per_second=10))
            assert [(await line.hear())["id"] for _ in "abc"] == ["a", "b", "c"]
            assert asyncio.get_running_loop().time() - began > 0.1
            await line.say(state("UPDATE_DOCUMENT", "One", "e1", "b"))
            await anext(copies[1])
            for each in copies:
                await each.aclose()  # type: ignore[attr-defined]
    assert frames[:5] == [("", "in"), ("a", "out"), ("b", "out"), ("c", "out"), ("b", "in")]


async def test_server_that_is_not_there_is_tried_again() -> None:
    earshot, statuses = client("ws://127.0.0.1:1/")
    async with earshot:
        assert (await statuses.until("waiting")).code == 1006


async def test_server_that_closes_for_good_is_left() -> None:
    async with scripted() as server:
        earshot, statuses = client(server.url, credentials=None)
        async with earshot:
            line = await server.line()
            assert line.token is None
            await line.close(1000)
            await statuses.until("stopped")
            with pytest.raises(Stopped):
                await anext(aiter(earshot.object(MODEL, "a")))


@pytest.mark.parametrize(
    ("url", "tenant", "address"),
    [
        ("wss://x.example/ws/", None, "wss://x.example/ws/"),
        ("https://x.example/ws/", "acme", "wss://x.example/ws/?tenant=acme"),
        ("http://x.example/ws/?a=1", "a b", "ws://x.example/ws/?a=1&tenant=a+b"),
    ],
)
def test_tenant_stands_in_the_address(url: str, tenant: str | None, address: str) -> None:
    assert with_tenant(url, tenant) == address

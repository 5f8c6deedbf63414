"""The Python client where the server, a callback or whatever gives credentials misbehaves.

`tests/test_javascript_client_hostile.py` does the same to the other client.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidURI

from realtime.client import Status, Stopped, connection
from tests.realtime.client.scripted import MODEL, scripted, welcome
from tests.realtime.client.test_connection import client

GARBAGE = (
    "", "no JSON", "null", "5", '"WELCOME"', "[]", "{}", b"\xff\xfe",
    f'{{"type":"SUBSCRIBED","model":"{MODEL}","id":"a","audience":"viewer"}}',
    f'{{"type":"ERROR","model":"{MODEL}","id":"a"}}',
)  # fmt: skip


@pytest.mark.parametrize("text", GARBAGE)
async def test_server_that_says_what_is_no_frame_is_left_and_tried_again(text: str | bytes) -> None:
    async with scripted() as server:
        earshot, statuses = client(server.url)
        async with earshot:
            line = await server.line()
            await line.say(welcome())
            copies = aiter(earshot.object(MODEL, "a"))
            await anext(copies)
            await line.subscribed()
            await anext(copies)
            await line.say(text)
            assert (await statuses.until("waiting")).code == 4500
            assert earshot.object(MODEL, "a").value.payload == {"title": "One"}
            await (await server.line()).say(welcome())
            await statuses.until("open")
            await copies.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", [*GARBAGE[:-2], '{"type":"WELCOME"}'])
async def test_server_whose_first_frame_is_none_is_left(text: str | bytes) -> None:
    async with scripted() as server:
        earshot, statuses = client(server.url)
        async with earshot:
            await (await server.line()).say(text)
            assert (await statuses.until("waiting")).code == 4500


async def test_whatever_credentials_raise_is_an_outage() -> None:
    def credentials(renew: bool) -> str:
        raise ZeroDivisionError

    earshot, statuses = client("ws://127.0.0.1:1/", credentials=credentials)
    async with earshot:
        assert (await statuses.until("waiting")).code == 1006


async def test_fresh_credentials_may_take_as_long_as_somebody_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def credentials(renew: bool) -> str:
        if renew:
            for _ in range(5):
                await asyncio.sleep(0)
            monkeypatch.undo()
            return "fresh"
        return "old"

    def hurried(status: Status) -> None:
        if status.state == "waiting":
            monkeypatch.setattr(connection, "PATIENCE", 0)

    async with scripted() as server:
        earshot, _ = client(server.url, credentials=credentials, on_status=hurried)
        async with earshot:
            await (await server.line()).close(4401)
            assert (await server.line()).token == "Token fresh"


async def test_callbacks_that_raise_harm_nothing_and_are_told_of() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))

    def failing(*_: Any) -> None:
        raise ZeroDivisionError

    async with scripted() as server:
        earshot, _ = client(server.url, on_frame=failing, on_status=failing)
        async with earshot:
            line = await server.line()
            await line.say(welcome())
            copies = aiter(earshot.object(MODEL, "a"))
            await anext(copies)
            await line.subscribed()
            assert (await anext(copies)).state == "live"
            await copies.aclose()  # type: ignore[attr-defined]
    assert {type(about["exception"]) for about in told} == {ZeroDivisionError}


async def test_address_that_is_none_is_raised_to_who_follows_and_where_the_block_ends() -> None:
    earshot, statuses = client("http:///")
    await earshot.__aenter__()
    await statuses.until("stopped")
    with pytest.raises(Stopped):
        await anext(aiter(earshot.object(MODEL, "a")))
    with pytest.raises(InvalidURI):
        await earshot.__aexit__(None, None, None)
    assert earshot.status.state == "closed"


async def test_whoever_follows_what_is_over_asks_again_for_all() -> None:
    async with scripted() as server:
        earshot, _ = client(server.url)
        async with earshot:
            line = await server.line()
            await line.say(welcome())
            first = aiter(earshot.object(MODEL, "a"))
            await anext(first)
            about = {"model": MODEL, "id": "a"}
            error = {"type": "ERROR", "code": "not_found", "detail": "", **about}
            await line.say(error | {"ref": (await line.hear())["ref"]})
            refused = (await anext(first)).error
            assert refused is not None
            assert refused.help == "/api/docs/errors/not_found/"
            second = aiter(earshot.object(MODEL, "a"))
            assert [(await anext(each)).state for each in (second, first)] == ["pending"] * 2
            await line.subscribed()
            assert [(await anext(each)).state for each in (first, second)] == ["live"] * 2
            for each in (first, second):
                await each.aclose()  # type: ignore[attr-defined]


async def test_why_it_stopped_has_a_page() -> None:
    assert Stopped(4403).help == "/api/docs/errors/4403/"
    assert Stopped(None).help is None

"""Objects and lists of the Python client, over real sockets of a server that follows a script."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.client import Answer, Copy, LiveObject, Rows, Stopped, connect
from tests.realtime.client.scripted import MODEL, Line, Scripted, scripted, state, welcome

MINE = Answer({"title": "Mine"}, "e-mine", "viewer")


def title(copy: Copy) -> str | None:
    return None if copy.payload is None else copy.payload["title"]


async def opened(server: Scripted) -> Line:
    """The next connection, after WELCOME."""
    line = await server.line()
    await line.say(welcome())
    return line


async def following(live: Any, wanted: Any) -> Any:
    """The first of what comes that is wanted."""
    async for each in live:
        if wanted(each):
            return each
    raise AssertionError


async def test_object_is_followed_until_it_is_gone() -> None:
    seen = []
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        line = await opened(server)
        async for copy in earshot.object(MODEL, "a"):
            seen.append((copy.state, title(copy)))
            match copy.state, title(copy):
                case "pending", _:
                    await line.subscribed()
                case "live", "One":
                    await line.say(state("UPDATE_DOCUMENT", "Two", "e2"))
                case "live", "Two":
                    await line.say({"type": "DELETE_DOCUMENT", "model": MODEL, "id": "a"})
                case _:
                    break
    assert seen == [("pending", None), ("live", "One"), ("live", "Two"), ("gone", None)]


async def test_list_is_followed_with_its_changes() -> None:
    seen: list[Rows] = []
    asked: dict[str, Any] = {}
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        line = await opened(server)
        async for rows in earshot.collection(MODEL, where={"status": "draft"}, limit=5):
            if asked and rows.state == "pending":
                continue
            seen.append(rows)
            if not asked:
                asked = await line.hear()
                window = {"model": MODEL, "window": asked["window"]}
                entered = state("ENTERED", "One", "e1") | window | {"before": None}
                complete = {"type": "SUBSCRIBED", **window, "more": False, "cursor": None}
                await line.say(entered, complete | {"ref": asked["ref"]})
            elif rows.rows:
                await line.say({"type": "LEFT", "id": "a", **window})
            else:
                break
    assert (asked["where"], asked["limit"]) == ({"status": "draft"}, 5)
    assert [[title(row) for row in rows.rows] for rows in seen] == [[], ["One"], []]
    assert [[change.type for change in rows.changes] for rows in seen] == [
        [],
        ["entered"],
        ["left"],
    ]


async def test_object_is_subscribed_to_once_for_all_who_iterate() -> None:
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        line = await opened(server)
        both = [aiter(earshot.object(MODEL, "a")) for _ in range(2)]
        assert [(await anext(each)).state for each in both] == ["pending"] * 2
        await line.subscribed()
        assert [(await anext(each)).state for each in both] == ["live"] * 2
        await both[0].aclose()  # type: ignore[attr-defined]
        assert earshot.object(MODEL, "a").value.state == "live"
        await both[1].aclose()  # type: ignore[attr-defined]
        assert (await line.hear())["action"] == "unsubscribe"
        assert earshot.object(MODEL, "a").value.state == "pending"
        assert earshot.store.objects == {}


async def test_list_is_opened_once_for_all_who_iterate() -> None:
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        line = await opened(server)
        live = earshot.collection(MODEL)
        both = [aiter(live) for _ in range(2)]
        assert [(await anext(each)).state for each in both] == ["pending"] * 2
        opening = await line.hear()
        for each in both:
            await each.aclose()  # type: ignore[attr-defined]
        last = await line.hear()
        assert (last["action"], last["window"]) == ("unsubscribe", opening["window"])


async def held(server: Scripted, live: LiveObject) -> tuple[Line, Any]:
    """A connection, and an iterator that has the object's first copy."""
    line, copies = await opened(server), aiter(live)
    await anext(copies)
    await line.subscribed()
    await anext(copies)
    return line, copies


async def test_own_write_is_shown_at_once_and_stays() -> None:
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        live = earshot.object(MODEL, "a")
        line, copies = await held(server, live)

        async def send() -> Answer:
            assert title(live.value) == "Mine"
            return MINE

        assert await live.write({"title": "Mine"}, send) is MINE
        assert title(live.value) == "Mine"
        assert (await line.hear())["etag"] == "e-mine"
        await copies.aclose()


async def test_write_that_failed_is_taken_back() -> None:
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        live = earshot.object(MODEL, "a")
        _, copies = await held(server, live)

        async def refused() -> Answer:
            raise PermissionError

        with pytest.raises(PermissionError):
            await live.write({"title": "Mine"}, refused)
        assert title(live.value) == "One"
        await copies.aclose()


async def test_write_to_what_nobody_follows_is_only_sent() -> None:
    earshot = connect("ws://127.0.0.1:1/ws/", credentials="t")

    async def send() -> Answer:
        return MINE

    live = earshot.object(MODEL, "a")
    assert await live.write({"title": "Mine"}, send) is MINE
    live.wrote(MINE)
    assert earshot.store.objects == {}


async def test_whoever_follows_is_told_that_nothing_more_will_come() -> None:
    async with scripted() as server, connect(server.url, credentials="t", proxy=None) as earshot:
        line, copies = await held(server, earshot.object(MODEL, "a"))
        await line.close(4403)
        with pytest.raises(Stopped) as stopped:
            await following(copies, lambda copy: False)
        assert stopped.value.code == 4403
        assert earshot.store.objects == {}


async def test_client_forgets_everything_when_it_is_closed() -> None:
    async with scripted() as server:
        async with connect(server.url, credentials="t", proxy=None) as earshot:
            line, copies = await held(server, earshot.object(MODEL, "a"))
        await line.closed()
        assert earshot.status.state == "closed"
        assert earshot.object(MODEL, "a").value.payload is None
        with pytest.raises(Stopped):
            await asyncio.wait_for(anext(copies), 5)

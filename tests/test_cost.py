"""Promise 6: a change costs one serialization per audience that sees it, however many listen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from django.db import connection

from permissions.rendering import SERIALIZATIONS
from realtime.hub import reading
from tests.announced import announced
from tests.client import SocketClient, in_thread, quiet
from tests.gates import rounds_of, this_hub
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")

AUDIENCES = ("owner", "editor", "viewer", "auditor")
READERS = ("owner", "editor", "viewer", "admin")


def serialized() -> Counter[str]:
    """How often a document was rendered so far, by audience."""
    return Counter(
        {a: int(SERIALIZATIONS.labels("resources.document", a)._value.get()) for a in AUDIENCES}
    )


async def subscribe_many(stack: AsyncExitStack, world: World, each: int) -> list[Any]:
    """`each` sockets of every reader, live."""
    sockets = []
    for username in READERS:
        token = await in_thread(world.token)(username)
        for _ in range(each):
            socket = await stack.enter_async_context(SocketClient(token))
            await socket.subscribe(world.id)
            sockets.append(socket)
    await quiet()
    return sockets


@pytest.mark.parametrize("each", [1, 20])
async def test_serializations_of_a_change_are_the_audiences_that_see_it(
    world: World, each: int
) -> None:
    async with AsyncExitStack() as stack:
        sockets = await subscribe_many(stack, world, each)
        for fields, seeing in (
            ({"title": "Seen by all"}, AUDIENCES),
            ({"body": "Not by the auditor"}, ("owner", "editor", "viewer")),
            ({"budget": "1.00"}, ("owner",)),
        ):
            before = serialized()
            await in_thread(world.write)(**fields)
            await quiet()
            assert serialized() - before == Counter(dict.fromkeys(seeing, 1))
        for socket in sockets:
            updates = [f for f in await socket.come() if f["type"] == "UPDATE_DOCUMENT"]
            assert updates


async def test_frames_of_one_version_are_the_same_bytes_for_everybody(world: World) -> None:
    async with AsyncExitStack() as stack:
        sockets = await subscribe_many(stack, world, 3)
        await in_thread(world.write)(title="Same for all")
        await quiet()
        texts: dict[str, set[str]] = {username: set() for username in READERS}
        for username, socket in zip([u for u in READERS for _ in range(3)], sockets, strict=True):
            event = await socket.communicator.receive_output(5)
            texts[username].add(event["text"])
        assert {username: len(found) for username, found in texts.items()} == dict.fromkeys(
            READERS, 1
        )


@contextmanager
def counting(queries: list[str]) -> Iterator[None]:
    """Collect the statements of this thread's connection."""

    def collect(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(collect):
        yield


def counted(work: Any, *args: Any) -> int:
    """How many statements a call needs."""
    queries: list[str] = []
    with counting(queries):
        work(*args)
    return len(queries)


@pytest.mark.parametrize("each", [1, 20])
async def test_queries_of_a_batch_of_subscriptions_are_constant(world: World, each: int) -> None:
    async with AsyncExitStack() as stack:
        await subscribe_many(stack, world, each)
        rounds = rounds_of(world)
        pairs = {s.pair for s in rounds.index.all}
        found = await in_thread(counted)(reading.read_round, rounds.tenant_id, 0, pairs)
        assert found == await in_thread(counted)(
            reading.read_round, rounds.tenant_id, 0, set(list(pairs)[:1])
        )
        assert found <= 11


async def test_a_change_costs_no_query_of_the_hub(world: World) -> None:
    """The frame brings all that is needed: no permission is asked for, whoever listens."""
    async with AsyncExitStack() as stack:
        await subscribe_many(stack, world, 2)
        asked: list[str] = []
        rounds = rounds_of(world)
        run = rounds._run

        async def watched(work: Any, *args: Any) -> Any:
            asked.append(work.__name__)
            return await run(work, *args)

        rounds._run = watched
        await in_thread(world.write)(title="New")
        await quiet()
        assert asked == []


async def test_a_process_joins_a_group_once_however_many_listen(world: World) -> None:
    async with AsyncExitStack() as stack:
        await subscribe_many(stack, world, 5)
        names = sorted(this_hub().groups.groups)
        assert len(names) == len(AUDIENCES) + 1
    announced()

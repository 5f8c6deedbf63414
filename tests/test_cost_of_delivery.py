"""Promise 6, for a delivery: what is done for each socket is only to send."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection

from realtime.transport import wire
from tests.client import first_look, in_thread, quiet
from tests.protocol import client, frame, subscribe
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]

REALTIME = Path(wire.__file__).parents[1]


async def listeners(stack: AsyncExitStack, world: World, number: int) -> list[ClientConnection]:
    """So many sockets of the viewer's on one server, all live."""
    sockets = []
    for _ in range(number):
        socket = await stack.enter_async_context(client(world, ServerState(), compression=None))
        await subscribe(socket, world)
        await frame(socket)
        sockets.append(socket)
    await first_look()  # at which the tail asks all, and delivers
    await quiet()
    return sockets


async def tasks_of_a_change(world: World, number: int) -> Counter[str]:
    """The tasks of the project's that a change starts with so many sockets, by what they run."""
    loop = asyncio.get_running_loop()
    started: Counter[str] = Counter()

    def count(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        if Path(work.cr_code.co_filename).is_relative_to(REALTIME):
            started[work.__qualname__] += 1
        return asyncio.Task(work, loop=loop, **options)

    async with AsyncExitStack() as stack:
        sockets = await listeners(stack, world, number)
        loop.set_task_factory(count)
        await in_thread(world.write)(title=f"To {number}")
        kinds = [(await frame(socket))["type"] for socket in sockets]
        loop.set_task_factory(None)
        assert kinds == ["UPDATE_DOCUMENT"] * number
    return started


async def test_tasks_of_a_change_are_as_many_for_one_socket_as_for_many(world: World) -> None:
    few, many = await tasks_of_a_change(world, 1), await tasks_of_a_change(world, 8)
    assert few["Delivery._deliver"] == many["Delivery._deliver"] == 1
    assert not [name for name in many if name.startswith("Sender.")]


async def test_a_change_is_framed_once_for_all_sockets(world: World) -> None:
    async with AsyncExitStack() as stack:
        sockets = await listeners(stack, world, 8)
        before = wire.framed.cache_info()
        await in_thread(world.write)(title="Framed once")
        for socket in sockets:
            assert (await frame(socket))["payload"]["title"] == "Framed once"
        after = wire.framed.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 7)

"""What a hub costs whose tenants do nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from realtime.hub.hub import Hub
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


class Counted:
    """Counts what a hub asks of its threads, and the statements of that."""

    def __init__(self, hub: Hub) -> None:
        self.works = self.statements = 0
        self._hub, self._run = hub, hub.run

    async def __aenter__(self) -> Counted:
        self._hub.run = self._counting  # type: ignore[method-assign]
        return self

    async def __aexit__(self, *_: object) -> None:
        del self._hub.run

    async def _counting(self, work: Any, *args: Any) -> Any:
        def counted() -> Any:
            with CaptureQueriesContext(connection) as queries:
                found = work(*args)
            self.statements += len(queries)
            return found

        self.works += 1
        return await self._run(counted)


async def look() -> tuple[int, int]:
    """What a look of the tail costs, with all that is done then: turns of a thread, statements."""
    hub = this_hub()
    async with Counted(hub) as counted:
        await hub._look_at_others()
        await hub.tail.look()
        hub._measure()
    return counted.works, counted.statements


async def settle() -> None:
    """All that came is known: to the tail, and to those who ask about others."""
    await quiet()
    await look()
    await quiet()


async def test_idle_look_costs_the_same_for_one_tenant_and_for_many(world: World) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(subscribed(world, "viewer"))
        await settle()
        costs = [await look()]
        for name, tenant in (("owner", "acme"), ("viewer", "acme"), ("rival", "globex")):
            client = await stack.enter_async_context(await in_thread(connect)(world, name, tenant))
            await client.receive_until("WELCOME")
        await settle()
        costs.append(await look())
        assert costs[0][1] > 0
        assert costs[1] == costs[0]


async def test_look_asks_two_turns_of_a_thread(world: World) -> None:
    async with subscribed(world, "viewer"):
        await settle()
        assert (await look())[0] == 2


async def test_sockets_to_which_nothing_was_sent_are_not_asked_what_they_keep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(id: str) -> int:
        asked.append(id)
        return 0

    async with subscribed(world, "viewer"), subscribed(world, "owner") as owner:
        await settle()
        for socket in this_hub().connections:
            monkeypatch.setattr(socket, "buffered", partial(ask, socket.id))
        await look()
        assert asked == []
        await owner.send({"action": "ping"})
        await owner.receive_until("PONG")
        await look()
        assert len(asked) == 1

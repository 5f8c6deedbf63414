"""What a look of the sweep reads, in which order, and what it costs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from permissions.read import read_across
from realtime.hub import sweep
from realtime.hub.hub import Hub
from realtime.metrics import SWEEP_LAG
from resources.models import Document
from tenants import opaque
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import later, rounds_of, this_hub
from tests.uncaptured import unseen
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


def other_document(world: World) -> str:
    return opaque.encode(Document, world.create("globex", "rival").pk)


async def test_what_was_read_lately_is_not_read_again(world: World) -> None:
    async with subscribed(world, "viewer"):
        hub, reads = this_hub(), counted_reads(this_hub())
        now = asyncio.get_running_loop().time()
        assert not await hub.sweep.look(now)
        assert reads == []
        assert not await hub.sweep.look(later())
        assert reads == [{world.tenants["acme"].pk: {(world.user("viewer").pk, world.key)}}]


def counted_reads(hub: Hub) -> list[Any]:
    """What the sweep reads from now on."""
    reads: list[Any] = []
    run = hub.run

    async def counting(work: Any, *args: Any) -> Any:
        if work is read_across:
            reads.append(*args)
        return await run(work, *args)

    hub.run = counting  # type: ignore[method-assign]
    return reads


async def test_what_is_as_it_was_shown_asks_no_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(world, "viewer"):
        while this_hub().tail.marks is None:  # at its first look the tail asks all
            await this_hub().run(int)
        await quiet()
        asked: list[Any] = []
        monkeypatch.setattr(rounds_of(world), "ask", asked.append)
        await this_hub().sweep.look(later())
        assert asked == []
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        await this_hub().sweep.look(later())
        assert asked == [list(rounds_of(world).index.all)]


async def test_one_look_reads_no_more_than_a_round_and_the_oldest_first(world: World) -> None:
    async with subscribed(world, "owner"), subscribed(world, "viewer"):
        hub = this_hub()
        hub.limits = {**hub.limits, "round_size": 1}
        now = later()
        first, second = hub.due.before(now, 2)
        assert await hub.sweep.look(now)
        assert hub.due.before(now, 2) == [second, first]


async def test_all_tenants_are_read_together_in_the_order_of_their_last_reads(
    world: World,
) -> None:
    id = await in_thread(other_document)(world)
    async with subscribed(world, "viewer"), await in_thread(connect)(world, "rival", "globex") as r:
        await r.subscribe(id)
        await quiet()
        hub, reads = this_hub(), counted_reads(this_hub())
        acme, globex = (world.tenants[slug].pk for slug in ("acme", "globex"))
        [of_acme, of_globex] = hub.due.before(later(), 5)
        assert [s.socket.tenant_id for s in (of_acme, of_globex)] == [acme, globex]
        await hub.sweep.look(later())
        assert [list(read) for read in reads] == [[acme, globex]]
        assert hub.due.before(later(), 5) == [of_acme, of_globex]


async def test_neither_sockets_nor_tenants_cost_the_sweep_a_statement(world: World) -> None:
    async def cost() -> int:
        while this_hub().tail.marks is None:  # at its first look the tail asks all
            await this_hub().run(int)
        await quiet()
        statements: list[int] = []
        count_statements(this_hub(), statements)
        await this_hub().sweep.look(later())
        del this_hub().run
        return sum(statements)

    id = await in_thread(other_document)(world)
    async with AsyncExitStack() as stack:
        costs = []
        for more in (1, 4):
            for _ in range(more):
                await stack.enter_async_context(subscribed(world, "viewer"))
            costs.append(await cost())
        other = await stack.enter_async_context(await in_thread(connect)(world, "rival", "globex"))
        await other.subscribe(id)
        costs.append(await cost())
        assert costs[0] > 0
        assert costs == [costs[0]] * 3


def count_statements(hub: Hub, statements: list[int]) -> None:
    """Count those of the hub's reads from now on."""
    run = hub.run

    def counted(work: Any, *args: Any) -> Any:
        with CaptureQueriesContext(connection) as queries:
            found = work(*args)
        statements.append(len(queries))
        return found

    async def counting(work: Any, *args: Any) -> Any:
        return await run(counted, work, *args)

    hub.run = counting  # type: ignore[method-assign]


async def test_the_sweep_says_by_how_much_it_is_late(world: World) -> None:
    async with subscribed(world, "viewer"):
        await this_hub().sweep.look(later() + 100)
        assert 100 <= SWEEP_LAG._value.get() < 200
        await this_hub().sweep.look(asyncio.get_running_loop().time())
        assert SWEEP_LAG._value.get() == 0


def test_the_sweep_pauses_so_that_it_keeps_within_its_budget() -> None:
    limits = {"sweep_seconds": 60.0, "sweep_budget": 0.1}
    assert sweep.pause(limits, cpu=0.0, took=0.0, full=False) == 4.0
    assert sweep.pause(limits, cpu=0.5, took=0.5, full=False) == 4.5
    assert sweep.pause(limits, cpu=0.2, took=0.5, full=True) == 1.5
    assert sweep.pause(limits, cpu=0.01, took=0.5, full=True) == 0.0

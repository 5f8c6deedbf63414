"""The sweep finds what no hook saw: raw SQL on data and on permissions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings

from permissions.read import read_across
from realtime import sweep, tail
from realtime.capture import installing
from realtime.hub import Hub
from realtime.metrics import DRIFT, SWEEP_LAG
from resources.models import Document
from tenants import opaque
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import rounds_of, this_hub
from tests.uncaptured import uncaptured as without_triggers
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


@pytest.fixture
def uncaptured(transactional_db: None) -> Iterator[None]:
    """The triggers are missing: only the sweep is left."""
    installing.drop()
    yield
    installing.install()


def drift(what: str) -> float:
    return DRIFT.labels("resources.document", what)._value.get()


def execute(sql: str, *params: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def unseen(sql: str, *params: int) -> None:
    """Write to documents without their triggers."""
    with without_triggers(Document):
        execute(sql, *params)


def later() -> float:
    """A time at which everything that is live has to be read again."""
    return asyncio.get_running_loop().time() + this_hub().limits["sweep_seconds"]


async def sweep_once() -> None:
    """Let the sweep pass over everything live, and the repairs that follow come back."""
    await sweep.look(this_hub(), later())
    await quiet()


@pytest.mark.drifts
async def test_a_raw_change_of_data_is_repaired_and_counted(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        before = drift("change")
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        await sweep_once()
        [update] = await viewer.settle()
        assert update["payload"]["title"] == "Raw"
        assert update["changed"] == list(update["payload"])
        assert drift("change") == before + 1


@pytest.mark.drifts
async def test_a_loss_of_access_that_escaped_ends_the_subscription_and_is_logged(
    world: World, uncaptured: None
) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:
        before = drift("access")
        sql = (
            "DELETE FROM resources_documentusergrant WHERE content_object_id = %s AND user_id = %s"
        )
        await in_thread(execute)(sql, world.document.pk, world.user("viewer").pk)
        await sweep_once()
        assert [f["type"] for f in await viewer.settle()] == ["DELETE_DOCUMENT"]
        assert await owner.settle() == []
        assert drift("access") == before + 1


async def test_a_sweep_of_what_is_right_sends_nothing_and_writes_nothing(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        before = drift("change"), drift("access")
        await sweep_once()
        assert await viewer.settle() == []
        assert (drift("change"), drift("access")) == before


@pytest.mark.drifts
async def test_a_repair_that_fails_is_tried_again_by_the_tail(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with subscribed(world, "viewer") as viewer:
        rounds = rounds_of(world)
        run, failures = rounds._repairs._run, [OSError("a payload")]

        async def failing(*args: Any) -> Any:
            if failures:
                raise failures.pop()
            return await run(*args)

        rounds._repairs._run = failing
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        rounds.ask(list(rounds.index.all))
        await quiet()
        assert await viewer.settle() == []
        assert "OSError" in caplog.text
        assert "a payload" not in caplog.text
        await tail.run(this_hub())
        await quiet()
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]


@pytest.mark.drifts
async def test_many_who_see_the_same_drift_repair_it_once(world: World) -> None:
    async with subscribed(world, "viewer") as one, subscribed(world, "viewer") as two:
        before = drift("change")
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        rounds_of(world).ask(list(rounds_of(world).index.all))
        await quiet()
        for socket in (one, two):
            assert [f["type"] for f in await socket.settle()] == ["UPDATE_DOCUMENT"]
        assert drift("change") == before + 1


@pytest.mark.drifts
async def test_a_version_lowered_by_hand_is_raised_above_what_was_seen(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(world.write)(title="Seen")
        await viewer.settle()
        [subscription] = rounds_of(world).index.all
        seen = subscription.version
        sql = "UPDATE resources_document SET title = 'Restored', version = 1 WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        await sweep_once()
        assert [f["payload"]["title"] for f in await viewer.settle()] == ["Restored"]
        assert subscription.version > seen


@pytest.mark.drifts
async def test_a_credential_that_ended_unseen_closes_its_socket(
    world: World, uncaptured: None
) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:

        def end() -> None:
            past = timezone.now() - timedelta(seconds=1)
            AuthToken.objects.filter(user=world.user("viewer")).update(expiry=past)

        await in_thread(end)()
        await in_thread(world.write)(title="Still sent: nobody knows")
        await viewer.settle()
        await sweep_once()
        assert (await viewer.settle())[-1] == {"close": 4401}
        assert [f["type"] for f in await owner.settle()] == ["UPDATE_DOCUMENT"]


async def test_a_socket_that_went_during_the_sweep_is_left_alone(world: World) -> None:
    async with subscribed(world, "owner"):
        async with subscribed(world, "viewer"):
            [gone] = [s for s in this_hub().attendance if s.user_id == world.user("viewer").pk]
        this_hub().check(gone)
        assert gone not in this_hub().attendance.unchecked


async def test_a_socket_that_went_during_the_read_is_left_alone(world: World) -> None:
    async with subscribed(world, "owner"), await in_thread(connect)(world, "rival", "globex") as r:
        await r.receive_until("WELCOME")
        await r.subscribe(await in_thread(other_document)(world))
        await quiet()
        hub = this_hub()
        run, gone = hub.run, {}

        async def leaving(work: Any, *args: Any) -> Any:
            found = await run(work, *args)
            if work is read_across:
                globex = world.tenants["globex"].pk
                gone[globex] = hub.rounds.pop(globex)
                gone[globex].index.all.clear()
            return found

        hub.run = leaving  # type: ignore[method-assign]
        await sweep.look(hub, later())
        hub.rounds.update(gone)


async def test_a_subscription_that_ended_during_the_read_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(world, "viewer") as viewer:
        hub, rounds = this_hub(), rounds_of(world)
        while hub.marks is None:  # at its first look the tail asks all
            await hub.run(int)
        await quiet()
        asked: list[Any] = []
        run = hub.run

        async def ending(work: Any, *args: Any) -> Any:
            found = await run(work, *args)
            if work is read_across:
                await viewer.send(
                    {"action": "unsubscribe", "model": "resources.document", "id": world.id}
                )
                assert (await viewer.receive())["type"] == "UNSUBSCRIBED"
            return found

        hub.run = ending  # type: ignore[method-assign]
        monkeypatch.setattr(rounds, "ask", asked.append)
        await sweep.look(hub, later())
        assert asked == []


def other_document(world: World) -> str:
    return opaque.encode(Document, world.create("globex", "rival").pk)


async def test_what_was_read_lately_is_not_read_again(world: World) -> None:
    async with subscribed(world, "viewer"):
        hub, reads = this_hub(), counted_reads(this_hub())
        now = asyncio.get_running_loop().time()
        assert not await sweep.look(hub, now)
        assert reads == []
        assert not await sweep.look(hub, later())
        assert reads == [{world.tenants["acme"].pk: {(world.user("viewer").pk, world.ref)}}]


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
        while this_hub().marks is None:  # at its first look the tail asks all
            await this_hub().run(int)
        await quiet()
        asked: list[Any] = []
        monkeypatch.setattr(rounds_of(world), "ask", asked.append)
        await sweep.look(this_hub(), later())
        assert asked == []
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        await sweep.look(this_hub(), later())
        assert asked == [list(rounds_of(world).index.all)]


async def test_one_look_reads_no_more_than_a_round_and_the_oldest_first(world: World) -> None:
    async with subscribed(world, "owner"), subscribed(world, "viewer"):
        hub = this_hub()
        hub.limits = {**hub.limits, "round_size": 1}
        now = later()
        first, second = hub.due.before(now, 2)
        assert await sweep.look(hub, now)
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
        await sweep.look(hub, later())
        assert [list(read) for read in reads] == [[acme, globex]]
        assert hub.due.before(later(), 5) == [of_acme, of_globex]


async def test_neither_sockets_nor_tenants_cost_the_sweep_a_statement(world: World) -> None:
    async def cost() -> int:
        while this_hub().marks is None:  # at its first look the tail asks all
            await this_hub().run(int)
        await quiet()
        statements: list[int] = []
        count_statements(this_hub(), statements)
        await sweep.look(this_hub(), later())
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
        await sweep.look(this_hub(), later() + 100)
        assert 100 <= SWEEP_LAG._value.get() < 200
        await sweep.look(this_hub(), asyncio.get_running_loop().time())
        assert SWEEP_LAG._value.get() == 0


def test_the_sweep_pauses_so_that_it_keeps_within_its_budget() -> None:
    limits = {"sweep_seconds": 60.0, "sweep_budget": 0.1}
    assert sweep.pause(limits, cpu=0.0, took=0.0, full=False) == 4.0
    assert sweep.pause(limits, cpu=0.5, took=0.5, full=False) == 4.5
    assert sweep.pause(limits, cpu=0.2, took=0.5, full=True) == 1.5
    assert sweep.pause(limits, cpu=0.01, took=0.5, full=True) == 0.0


@pytest.mark.drifts
async def test_a_running_sweep_finds_what_no_hook_saw(world: World, settings: Settings) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "sweep_seconds": 0.1}
    async with subscribed(world, "viewer") as viewer:
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        assert (await viewer.receive())["payload"]["title"] == "Raw"

"""The sweep finds what no hook saw: raw SQL on data and on permissions."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken

from realtime import sweep
from realtime.metrics import DRIFT
from tests.client import SocketClient, in_thread, quiet, subscribed
from tests.gates import rounds_of, this_hub
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


def drift(what: str) -> float:
    return DRIFT.labels("resources.document", what)._value.get()


def execute(sql: str, *params: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


async def sweep_once(*sockets: SocketClient) -> None:
    """Let the sweep pass over everything live, and the repairs that follow come back."""
    hub = this_hub()
    hub.limits = {**hub.limits, "sweep_seconds": 0.0}
    task = asyncio.get_running_loop().create_task(sweep.run(hub))
    for _ in range(3 * sweep.SLICES):
        await asyncio.sleep(0)
    task.cancel()
    await quiet()


async def test_a_raw_change_of_data_is_repaired_and_counted(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        before = drift("change")
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(execute)(sql, world.document.pk)
        await sweep_once()
        [update] = await viewer.settle()
        assert update["payload"]["title"] == "Raw"
        assert update["changed"] == list(update["payload"])
        assert drift("change") == before + 1


async def test_a_raw_loss_of_access_ends_the_subscription_and_is_logged(world: World) -> None:
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


async def test_a_repair_that_fails_is_left_to_the_next_sweep(
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
        await in_thread(execute)(sql, world.document.pk)
        rounds.ask(list(rounds.index.all))
        await quiet()
        assert await viewer.settle() == []
        assert "OSError" in caplog.text
        assert "a payload" not in caplog.text
        await sweep_once()
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]


async def test_many_who_see_the_same_drift_repair_it_once(world: World) -> None:
    async with subscribed(world, "viewer") as one, subscribed(world, "viewer") as two:
        before = drift("change")
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(execute)(sql, world.document.pk)
        rounds_of(world).ask(list(rounds_of(world).index.all))
        await quiet()
        for socket in (one, two):
            assert [f["type"] for f in await socket.settle()] == ["UPDATE_DOCUMENT"]
        assert drift("change") == before + 1


async def test_a_version_lowered_by_hand_is_raised_above_what_was_seen(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(world.write)(title="Seen")
        await viewer.settle()
        [subscription] = rounds_of(world).index.all
        seen = subscription.version
        sql = "UPDATE resources_document SET title = 'Restored', version = 1 WHERE id = %s"
        await in_thread(execute)(sql, world.document.pk)
        await sweep_once()
        assert [f["payload"]["title"] for f in await viewer.settle()] == ["Restored"]
        assert subscription.version == seen + 1


async def test_a_credential_that_ended_unseen_closes_its_socket(world: World) -> None:
    """`update()` of a token, or raw SQL, tells nobody."""
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
            [gone] = [
                s
                for s in this_hub().sockets[world.tenants["acme"].pk]
                if s.user_id == world.user("viewer").pk
            ]
        this_hub().check(gone)
        assert gone not in this_hub()._unchecked

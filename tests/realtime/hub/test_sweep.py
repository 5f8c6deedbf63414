"""The sweep finds what no hook saw: raw SQL on data and on permissions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings

from permissions.read import read_across
from realtime.capture import installing
from realtime.metrics import DRIFT
from resources.models import Document
from tenants import opaque
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import later, rounds_of, this_hub
from tests.uncaptured import execute, unseen
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


async def sweep_once() -> None:
    """Let the sweep pass over everything live, and the repairs that follow come back."""
    await this_hub().sweep.look(later())
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
        await this_hub().tail.look()
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
            [gone] = [s for s in this_hub().connections if s.user_id == world.user("viewer").pk]
        this_hub().ask_to_check(gone)
        assert gone not in this_hub().connections.unchecked


async def test_a_socket_that_went_during_the_read_is_left_alone(world: World) -> None:
    async with subscribed(world, "owner"), await in_thread(connect)(world, "rival", "globex") as r:
        await r.receive_until("WELCOME")
        other = await in_thread(world.create)("globex", "rival")
        await r.subscribe(opaque.encode(Document, other.pk))
        await quiet()
        hub = this_hub()
        run, gone = hub.run, {}

        async def leaving(work: Any, *args: Any) -> Any:
            found = await run(work, *args)
            if work is read_across:
                globex = world.tenants["globex"].pk
                gone[globex] = hub.rounds.pop(globex)
            return found

        hub.run = leaving  # type: ignore[method-assign]
        await hub.sweep.look(later())
        hub.rounds.update(gone)


async def test_a_subscription_that_ended_during_the_read_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(world, "viewer") as viewer:
        hub, rounds = this_hub(), rounds_of(world)
        while hub.tail.marks is None:  # at its first look the tail asks all
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
        await hub.sweep.look(later())
        assert asked == []


@pytest.mark.drifts
async def test_a_running_sweep_finds_what_no_hook_saw(world: World, settings: Settings) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "sweep_seconds": 0.1}
    async with subscribed(world, "viewer") as viewer:
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        assert (await viewer.receive())["payload"]["title"] == "Raw"


@pytest.mark.drifts
async def test_what_only_a_window_shows_is_read_with_its_window(world: World) -> None:
    async with await in_thread(connect)(world, "viewer") as viewer:
        await viewer.receive_until("WELCOME")
        await viewer.send({"action": "subscribe", "model": "resources.document", "window": "w"})
        await viewer.receive_until("SUBSCRIBED")
        await quiet()
        assert this_hub().due.before(later(), 10) == []
        before = drift("change")
        sql = "UPDATE resources_document SET title = 'Raw' WHERE id = %s"
        await in_thread(unseen)(sql, world.document.pk)
        await sweep_once()
        [update] = await viewer.settle()
        assert update["payload"]["title"] == "Raw"
        assert drift("change") == before + 1

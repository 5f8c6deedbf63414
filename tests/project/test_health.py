"""Liveness and readiness."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from unittest.mock import AsyncMock

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.test import AsyncClient
from pytest_django import Settings

from project.health import Look
from realtime.capture.installing import GENERATORS, install
from realtime.hub.drain import drain
from tests.client import in_thread, subscribed
from tests.gates import this_hub
from tests.realtime.wire import limit
from tests.world import World

READY = {"database": "ok", "broker": "ok", "loops": "ok", "staying": "ok"}


class Broker:
    """It takes each message at once, or never."""

    hangs = False

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.hangs:
            await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def patient(settings: Settings) -> None:
    """However busy the machine is, nobody gives up what will come."""
    limit(settings, broker_timeout_seconds=60.0)


async def ready() -> tuple[int, Any]:
    answer = await AsyncClient().get("/readyz")
    assert answer["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("transactional_db")
async def test_process_without_sockets_is_ready() -> None:
    assert await ready() == (200, READY)


async def test_process_with_sockets_is_ready(world: World) -> None:
    async with subscribed(world, "viewer"):
        assert await ready() == (200, READY)


@pytest.mark.usefixtures("transactional_db")
async def test_process_that_goes_away_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "draining", True)
    assert await ready() == (503, READY | {"staying": "failed"})


async def test_process_without_a_broker_says_so_and_is_ready(world: World) -> None:
    async with subscribed(world, "viewer"):
        this_hub().probe.up = False
        assert await ready() == (200, READY | {"broker": "failed"})


async def test_broker_that_hangs_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, broker_timeout_seconds=0.05)
    monkeypatch.setattr(Broker, "hangs", True)
    monkeypatch.setattr("project.health.get_channel_layer", Broker)
    monkeypatch.setattr("project.health._database", AsyncMock(return_value=True))
    assert await ready() == (200, READY | {"broker": "failed"})


async def test_hub_with_a_dead_loop_is_not_ready(world: World) -> None:
    async with subscribed(world, "viewer"):
        hub = this_hub()
        hub._tasks[-1].cancel()
        await asyncio.wait([hub._tasks[-1]])
        assert await ready() == (503, READY | {"loops": "failed"})


async def test_database_that_never_answers_is_looked_at_once_for_all_probes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each probe would keep a thread, until none is left for those who serve."""
    limit(settings, broker_timeout_seconds=0.05)
    looks, answered = [], threading.Event()

    def hang() -> bool:
        looks.append(1)
        return answered.wait(60)

    monkeypatch.setattr("project.health._database", Look(hang))
    monkeypatch.setattr("project.health.get_channel_layer", Broker)
    for _ in range(3):
        assert await ready() == (503, READY | {"database": "failed"})
    assert await AsyncClient().get("/healthz")
    assert len(looks) == 1
    answered.set()
    limit(settings, broker_timeout_seconds=60.0)
    assert await ready() == (200, READY)


@pytest.mark.usefixtures("transactional_db")
async def test_database_that_fails_is_not_ready_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("no such host")

    monkeypatch.setattr("project.health.MigrationExecutor", fail)
    assert await ready() == (503, READY | {"database": "failed"})
    assert "The database is not ready" in caplog.text


@pytest.mark.usefixtures("transactional_db")
async def test_database_without_its_migrations_is_not_ready() -> None:
    [last] = MigrationLoader(None).graph.leaf_nodes("earshot_realtime")

    def forget() -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT applied FROM django_migrations WHERE app = %s AND name = %s", last
            )
            row: tuple[Any, ...] = cursor.fetchone()
            cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", last)
        return row

    def remember(applied: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)",
                [*last, applied],
            )

    [applied] = await in_thread(forget)()
    try:
        assert await ready() == (503, READY | {"database": "failed"})
    finally:
        await in_thread(remember)(applied)


@pytest.mark.usefixtures("transactional_db")
async def test_database_without_a_trigger_is_not_ready_and_says_which() -> None:
    def take_away() -> str:
        number = next(iter(GENERATORS[connection.vendor].numbering()))
        with connection.cursor() as cursor:
            GENERATORS[connection.vendor].drop(cursor, *number.key)
        return number.name

    name = await in_thread(take_away)()
    wrong = f"{name} on earshot_permissions_accesschange is missing"
    assert await ready() == (503, READY | {"database": wrong})
    await in_thread(install)()
    assert await ready() == (200, READY)

"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from prometheus_client import CollectorRegistry, Counter, values
from pytest_django import Settings

from realtime.drain import drain
from tests.client import in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.realtime.wire import limit
from tests.world import World

READY = {"database": "ok", "broker": "ok", "loops": "ok", "staying": "ok"}


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


async def test_process_without_a_broker_is_not_ready(world: World) -> None:
    async with subscribed(world, "viewer"):
        this_hub().heartbeat.up = False
        assert await ready() == (503, READY | {"broker": "failed"})


@pytest.mark.usefixtures("transactional_db")
async def test_broker_that_hangs_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, broker_timeout_seconds=0.05)

    class Hanging:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("project.health.get_channel_layer", Hanging)
    assert await ready() == (503, READY | {"broker": "failed"})


async def test_hub_with_a_dead_loop_is_not_ready(world: World) -> None:
    async with subscribed(world, "viewer"):
        hub = this_hub()
        hub._tasks[-1].cancel()
        await asyncio.wait([hub._tasks[-1]])
        assert await ready() == (503, READY | {"loops": "failed"})


@pytest.mark.usefixtures("transactional_db")
async def test_database_without_its_migrations_is_not_ready() -> None:
    def forget() -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT applied FROM django_migrations WHERE name = '0002_ledger'")
            row: tuple[Any, ...] = cursor.fetchone()
            cursor.execute("DELETE FROM django_migrations WHERE name = '0002_ledger'")
        return row

    def remember(applied: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied)"
                " VALUES ('realtime', '0002_ledger', %s)",
                [applied],
            )

    [applied] = await in_thread(forget)()
    try:
        assert await ready() == (503, READY | {"database": "failed"})
    finally:
        await in_thread(remember)(applied)


def series(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


@pytest.mark.usefixtures("by_hand")
async def test_metrics_count_what_is_open_and_what_was_sent(world: World) -> None:
    def read() -> dict[str, float]:
        return series(Client().get("/metrics").content.decode())

    async with subscribed(world, "owner"), subscribed(world, "viewer") as viewer:
        this_hub()._measure()
        before = await in_thread(read)()
        assert before["earshot_sockets"] == 2
        assert before["earshot_subscriptions"] == 2
        await in_thread(world.write)(title="Tïtle")
        await viewer.settle()
        await in_thread(world.revoke)("viewer")
        await viewer.settle()
        this_hub()._measure()
        after = await in_thread(read)()

        def risen(name: str) -> float:
            return after[name] - before.get(name, 0)

        assert after["earshot_subscriptions"] == 1
        # Two of the change, one of the deletion, two answers to settle().
        assert risen("earshot_frames_total") == 5
        assert risen("earshot_frame_bytes_total") > 500
        assert risen('earshot_accesses_ended_total{cause="revoked"}') == 1
    await quiet()
    assert (await in_thread(read)())["earshot_sockets"] == 0


def test_metrics_of_several_workers_are_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for pid in (1, 2):
        value = values.MultiProcessValue(lambda pid=pid: pid)
        monkeypatch.setattr("prometheus_client.metrics.values.ValueClass", value)
        Counter("earshot_example", "Of a worker.", registry=CollectorRegistry()).inc(pid)
    found = series(Client().get("/metrics").content.decode())
    assert found["earshot_example_total"] == 3

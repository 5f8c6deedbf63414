"""A process gives signs of life, whatever else it is busy with."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from realtime.audit import ledger
from realtime.audit.models import Process
from realtime.hub import tail
from tests.client import in_thread, subscribed
from tests.gates import this_hub
from tests.world import World


async def beats(since: Any) -> None:
    """Wait until this process has given a sign of life after this time."""
    process = this_hub().ledger.process
    rows = Process.objects.filter(pk=process, beat_at__gt=since)
    async with asyncio.timeout(10):
        while not await in_thread(rows.exists)():
            pass


async def test_sign_of_life_waits_for_no_look_and_no_round(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the threads that read for sockets hang, the tail among them."""
    settings.EARSHOT = {**settings.EARSHOT, "tail_seconds": 0.01}
    may_end = threading.Event()
    async with subscribed(world, "viewer"):
        hub = this_hub()
        monkeypatch.setattr(tail, "read_tail", lambda *_: may_end.wait(10))
        threads = hub.limits["executor_threads"]
        hanging = [asyncio.create_task(hub.run(may_end.wait, 10)) for _ in range(2 * threads)]
        await asyncio.sleep(0)
        await beats(timezone.now() + timedelta(milliseconds=1))
        may_end.set()
        await asyncio.gather(*hanging)


async def test_sign_of_life_that_fails_is_followed_by_the_next(
    world: World,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "tail_seconds": 0.01}
    beat, failures = ledger.beat, [OperationalError("a payload")]

    def fails_once(process: int) -> bool:
        if failures:
            raise failures.pop()
        return beat(process)

    monkeypatch.setattr(ledger, "beat", fails_once)
    began = timezone.now()
    async with subscribed(world, "viewer"):
        await beats(began)
    assert "OperationalError" in caplog.text


@pytest.mark.django_db
def test_sign_of_life_is_one_statement(django_assert_num_queries: Any) -> None:
    process = ledger.begin_process()
    with django_assert_num_queries(1):
        assert ledger.beat(process)

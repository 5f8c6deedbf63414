"""The chain of a server process: it goes on beside everything else, and after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from realtime.audit import chaining
from realtime.audit.background import chain
from realtime.audit.models import ChainEntry
from tests.client import in_thread, subscribed
from tests.realtime.wire import limit
from tests.world import World


class Threads:
    """Runs functions at once, and notes what they return; after some it fails once."""

    def __init__(self, fails_after: int) -> None:
        self.done: list[tuple[Callable[..., Any], Any]] = []
        self.enough = asyncio.Event()
        self._fails_after = fails_after

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        if len(self.done) == self._fails_after:
            self._fails_after = -1
            raise OSError
        self.done.append((work, work(*args)))
        if len(self.done) > 6:
            self.enough.set()
        return self.done[-1][1]


async def test_chaining_rests_between_transactions_and_goes_on_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(chaining, "committed", lambda: iter([2, 1]))
    claims = iter([True, False, True, False, False, False, False, False])
    monkeypatch.setattr(chaining, "claim", lambda seconds: next(claims))
    threads = Threads(fails_after=2)
    task = asyncio.create_task(chain(threads.run, 0))
    await threads.enough.wait()
    task.cancel()
    made = [result for work, result in threads.done if work is next]
    assert made == [2, 2, 1, None]
    assert "The ledger could not be chained; trying again" in caplog.text


@pytest.mark.usefixtures("by_hand")
async def test_a_server_chains_what_it_writes(world: World, settings: Settings) -> None:
    limit(settings, chain_seconds=0.01)
    async with subscribed(world, "viewer"):
        accesses = ChainEntry.objects.filter(tenant=world.tenants["acme"], kind="access")
        async with asyncio.timeout(10):
            while not await in_thread(accesses.exists)():
                pass

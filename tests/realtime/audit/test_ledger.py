"""The ledger's writes, its processes that live or are lost, and a database that fails."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from permissions.representation import ObjectKey
from realtime.audit import ledger, viewings
from realtime.audit.ledger import Ledger
from realtime.audit.models import Access, Connection, Process, Push
from realtime.state.ledger_entries import Applied, Ends, Entries
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import rounds_of, this_hub
from tests.realtime.pieces import MODEL, frame
from tests.realtime.wire import limit
from tests.test_accountable import accesses
from tests.world import World


def lost_process(world: World) -> int:
    """A process whose last beat is long ago, with a socket that had the document."""
    long_ago = timezone.now() - timedelta(hours=1)
    process = Process.objects.create(beat_at=long_ago)
    tenant, user = world.tenants["acme"], world.user("viewer")
    Connection.objects.create(
        id="lost", process=process, tenant=tenant, user_id=user.pk, since=long_ago
    )
    Access.objects.create(
        tenant=tenant,
        user_id=user.pk,
        model="resources.document",
        object_id=world.document.pk,
        audience="viewer",
        began_at=long_ago - timedelta(hours=1),
        began="subscribed",
        process=process.pk,
        connection="lost",
    )
    return process.pk


def test_beat_of_one_process_ends_what_a_lost_one_left(world: World) -> None:
    lost = lost_process(world)
    beat_at = Process.objects.get(pk=lost).beat_at
    alive = ledger.begin_process()
    assert ledger.beat(alive)
    ledger.end_lost()
    assert list(Process.objects.values_list("pk", flat=True)) == [alive]
    assert not Connection.objects.exists()
    assert accesses(world, "viewer") == [("viewer", "subscribed", "process lost")]
    assert Access.objects.get().ended_at == beat_at


def test_access_that_began_after_the_last_beat_does_not_end_before_it_began(world: World) -> None:
    lost_process(world)
    began = timezone.now()
    Access.objects.update(began_at=began)
    ledger.end_lost()
    assert Access.objects.get().ended_at == began


def test_beat_of_a_process_that_was_held_for_lost_says_so(world: World) -> None:
    assert not ledger.beat(lost_process(world) + 1000)


def test_end_that_is_written_stays(world: World) -> None:
    lost_process(world)
    access = Access.objects.get()
    ends = Ends()
    ends.accesses["revoked"] = [access.pk]
    ends.connections = ["lost"]
    ledger.write_ends(ends)
    ended = Access.objects.get().ended_at
    ends.accesses = defaultdict(list, disconnected=[access.pk])
    ledger.write_ends(ends)
    assert accesses(world, "viewer") == [("viewer", "subscribed", "revoked")]
    assert Access.objects.get().ended_at == ended
    assert not Connection.objects.exists()


def test_push_that_is_written_stays(world: World) -> None:
    tenant = world.tenants["acme"].pk
    ledger.write_pushes(tenant, [frame(3, tenant_id=tenant)])
    ledger.write_pushes(tenant, [frame(3, '{"other": 1}', tenant_id=tenant), frame(4)])
    assert list(Push.objects.order_by("version").values_list("version", "size")) == [(3, 2), (4, 2)]


def test_what_a_round_has_raised_is_one_statement(world: World) -> None:
    tenant = world.tenants["acme"].pk
    with CaptureQueriesContext(connection) as asked:
        ledger.write(7, tenant, Entries((), Applied(2, 3)))
    assert [q["sql"].split()[0] for q in asked.captured_queries] == ["INSERT"]
    assert viewings.Applied.objects.values_list("process", "revision", "read").get() == (7, 2, 3)


def test_pushes_are_written_in_one_order_by_every_process(world: World) -> None:
    """Two rounds of different processes wrote the same versions in the orders of their sets, each
    waited for the other's, and PostgreSQL ended one: its tenant's sockets waited for a whole round.
    """
    tenant = world.tenants["acme"].pk
    pushes = [
        frame(version, audience=audience, tenant_id=tenant, key=ObjectKey(MODEL, pk))
        for version, (pk, audience) in enumerate([(2, "viewer"), (10, "viewer"), (2, "owner")])
    ]
    ledger.write_pushes(tenant, pushes)
    written = Push.objects.order_by("pk").values_list("object_id", "audience")
    assert list(written) == [(2, "owner"), (2, "viewer"), (10, "viewer")]


class Failing:
    """Runs functions at once; the first calls of all fail."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.done: list[Any] = []

    async def __call__(self, work: Any, *args: Any) -> Any:
        if self.times:
            self.times -= 1
            raise OSError
        self.done.append((work, *args))
        return 1


async def test_ends_that_cannot_be_written_are_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0)
    run = Failing(2)
    book = Ledger(run)
    book.end(1, "unsubscribed")
    book.leave(["a"])
    book.unwatch([7])
    book.end(2, "unsubscribed")
    await asyncio.wait([book.task] if book.task else [])
    [(work, ends)] = run.done
    assert work is ledger.write_ends
    assert (ends.accesses, ends.connections, ends.watches) == ({"unsubscribed": [1, 2]}, ["a"], [7])
    assert caplog.text.count("OSError") == 2 * 2


async def test_a_hub_stops_though_its_ledger_cannot_be_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = Ledger(Failing(100))
    book.end(1, "unsubscribed")
    await asyncio.sleep(0)
    await book.stop()
    assert "another process will" in caplog.text


@pytest.mark.usefixtures("by_hand")
async def test_a_process_that_was_held_for_lost_writes_anew_what_it_has(world: World) -> None:
    """It was stopped for a while, and others have ended what it had."""
    async with subscribed(world, "viewer"):
        hub = this_hub()
        before = hub.ledger.process
        await in_thread(ledger.end_process)(before, timezone.now())
        await hub.heartbeat.beat()
        await quiet()
        assert hub.ledger.process != before
        assert await in_thread(accesses)(world, "viewer") == [
            ("viewer", "subscribed", "process lost"),
            ("viewer", "subscribed", ""),
        ]
        [connection] = await in_thread(list)(Connection.objects.all())
        assert connection.process_id == hub.ledger.process
        await hub.heartbeat.beat()
        assert connection.process_id == hub.ledger.process


@pytest.mark.usefixtures("by_hand")
async def test_payloads_wait_for_the_ledger_and_then_clients_are_told_to_come_back(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, patience_seconds=0.01)
    monkeypatch.setattr("realtime.hub.rounds.RETRY_SECONDS", 0.02)

    def fails(*_: Any) -> None:
        raise OSError("no ledger")

    async with await in_thread(connect)(world, "viewer") as viewer:
        assert (await viewer.receive())["type"] == "WELCOME"
        await quiet()
        monkeypatch.setattr(ledger, "write", fails)
        await viewer.send({"model": "resources.document", "id": world.id})
        assert await viewer.receive() == {"close": 4503}
    assert [f["type"] for f in viewer.frames] == ["WELCOME"]


@pytest.mark.usefixtures("by_hand")
async def test_a_round_without_news_writes_nothing(world: World) -> None:
    async with subscribed(world, "viewer"):
        written: list[Any] = []
        book = this_hub().ledger
        run = book._run

        async def watched(work: Any, *args: Any) -> Any:
            written.append(work)
            return await run(work, *args)

        book._run = watched
        rounds_of(world).ask(rounds_of(world).index.all)
        await quiet()
        assert written == []

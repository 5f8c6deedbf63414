"""What another program writes is told at once, where that is on; what is lost the tail finds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from permissions import accesslog
from permissions.accesslog import Touch
from realtime.capture import installing
from realtime.capture.postgresql import CHANNEL
from realtime.hub import listening
from realtime.hub.hub import Hub
from tests.client import in_thread, subscribed
from tests.databases import on_postgresql
from tests.gates import this_hub
from tests.measuring import measured
from tests.world import World

pytestmark = [on_postgresql, pytest.mark.usefixtures("by_hand", "listen")]

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN earshot'"


@pytest.fixture
def listen(transactional_db: None, by_hand: None, settings: Settings) -> Iterator[None]:
    """It is on."""
    before = settings.EARSHOT
    settings.EARSHOT = {**before, "listen": 1, "connection_seconds": 0.01}
    with measured():  # who may notify is what is tried
        installing.install()
    yield
    settings.EARSHOT = before
    installing.install()


def by_psql(sql: str, *params: Any) -> None:
    """Execute it as another program does."""

    def work() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL application_name = 'psql'")
            cursor.execute(sql, params)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def revoke_by_psql(world: World, username: str) -> None:
    sql = "DELETE FROM resources_documentusergrant WHERE content_object_id = %s AND user_id = %s"
    by_psql(sql, world.document.pk, world.user(username).pk)


async def listener(of: Hub) -> int:
    """The backend that serves the one who listens, once it does."""
    async with asyncio.timeout(10):
        while not (found := await in_thread(asked)(LISTENERS)):
            await of.run(int)
    pid: int = found[0][0]
    return pid


def asked(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


async def test_loss_that_another_program_writes_is_told_at_once(world: World) -> None:
    """The tail would look in an hour."""
    async with subscribed(world, "viewer") as viewer:
        await listener(this_hub())
        await in_thread(revoke_by_psql)(world, "viewer")
        assert (await viewer.receive())["type"] == "DELETE_DOCUMENT"


async def test_what_is_written_while_nobody_listens_is_found_when_somebody_does_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with subscribed(world, "viewer") as viewer:
        pid = await listener(this_hub())
        async with this_hub().tail.looking:
            await in_thread(asked)(f"SELECT pg_terminate_backend({pid})")
            await in_thread(revoke_by_psql)(world, "viewer")
        assert (await viewer.receive())["type"] == "DELETE_DOCUMENT"
        assert this_hub().alive
    assert "Listening for other programs' writes failed" in caplog.text


def test_what_a_process_of_ours_writes_notifies_nobody(world: World) -> None:
    """It is announced; and transactions that notify commit one after another."""
    import psycopg

    acme, params = world.tenants["acme"].pk, listening.params(connection)
    with psycopg.connect(**params, autocommit=True) as ear:
        ear.execute(f"LISTEN {CHANNEL}")
        accesslog.record(acme, [Touch(1)], "test")
        world.write(title="New")
        revoke_by_psql(world, "viewer")
        heard = [*ear.notifies(timeout=10, stop_after=1), *ear.notifies(timeout=0)]
    assert len(heard) == 1


def test_nothing_notifies_unless_it_is_on(settings: Settings) -> None:
    def notifying() -> set[str]:
        wanted = installing.wanted("postgresql")
        return {trigger.table for trigger in wanted if "notify" in trigger.name}

    assert notifying() == {"earshot_realtime_change", "earshot_permissions_accesschange"}
    settings.EARSHOT = {**settings.EARSHOT, "listen": 0}
    assert notifying() == set()

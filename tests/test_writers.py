"""Writes from wherever somebody may write, and as fast as can be, reach live readers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path
from pytest_django import Settings

from project.settings import BASE_DIR
from resources.models import Document
from tests.client import in_thread, quiet, subscribed
from tests.databases import BROKER
from tests.gates import this_hub
from tests.live import database_url
from tests.test_concurrency import fresh, held, on_its_own, rows, stored
from tests.test_races import asleep
from tests.world import World

WRITES = 2_000

pytestmark = pytest.mark.usefixtures("by_hand")


async def view(request: HttpRequest) -> HttpResponse:
    """An asynchronous view of somebody's project."""
    document = await Document.objects.across_tenants().aget()
    document.title = "Written"
    await document.asave()
    return HttpResponse(status=204)


urlpatterns = [path("write/", view)]


async def from_a_plain_thread(world: World) -> None:
    def write() -> None:
        document = stored(world)
        document.title = "Written"
        document.save()

    thread = threading.Thread(target=on_its_own, args=(write,))
    thread.start()
    await asyncio.to_thread(thread.join)


async def from_async_code(world: World) -> None:
    document = await rows(world).aget()
    document.title = "Written"
    await document.asave()


async def from_an_async_query(world: World) -> None:
    assert await rows(world).aupdate(title="Written") == 1


async def from_an_async_view(world: World) -> None:
    assert (await AsyncClient().get("/write/")).status_code == 204


WAYS = [from_a_plain_thread, from_async_code, from_an_async_query, from_an_async_view]


@pytest.mark.each_case
@pytest.mark.parametrize("write", WAYS)
async def test_a_write_reaches_a_live_reader_from(
    world: World, settings: Settings, write: Callable[[World], Any]
) -> None:
    async with subscribed(world, "viewer") as viewer:
        settings.ROOT_URLCONF = __name__
        await write(world)
        [frame] = await viewer.settle()
        assert frame["payload"]["title"] == "Written"


def load(world: World, file: Path) -> subprocess.CompletedProcess[str]:
    """Django's own `loaddata`, in a process of its own, with a changed document."""
    document = stored(world)
    document.title = "Written"
    file.write_text(serializers.serialize("json", [document]))
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url(),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "manage.py", "loaddata", str(file)],
        env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.programs
async def test_a_write_of_a_management_command_reaches_a_live_reader(
    world: World, tmp_path: Path
) -> None:
    """By the broker where there is one, else by the tail."""
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        done = await in_thread(load)(world, tmp_path / "document.json")
        assert (done.returncode, done.stderr) == (0, "")
        if not BROKER:
            await this_hub().tail.look()
        frame = await viewer.receive_until("UPDATE_DOCUMENT")
        assert frame["payload"]["title"] == "Written"


async def test_thousands_of_writes_are_conflated_for_a_slow_reader_and_go_back_for_nobody(
    world: World,
) -> None:
    def write() -> None:
        document = stored(world)
        for number in range(1, WRITES + 1):
            document.budget = number
            document.save()

    await in_thread(world.grant)("both", "owner")
    async with subscribed(world, "owner") as slow, subscribed(world, "both") as fast:
        with asleep(world, "owner"):
            await in_thread(write)()
            await quiet()
        budgets = [float(frame["payload"]["budget"]) for frame in await fast.settle()]
        assert budgets == sorted(set(budgets))
        assert budgets[-1] == WRITES
        assert len(await slow.settle()) == 1
        for socket in (slow, fast):
            assert held(socket, world) == await fresh(world, "owner")

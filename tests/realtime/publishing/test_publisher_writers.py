"""From wherever somebody saves, it reaches the broker."""

import asyncio
import os
import subprocess
import sys
import threading
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection

from realtime.publishing import groups
from realtime.publishing.publisher import publisher
from resources.models import Document
from tests.client import in_thread
from tests.databases import with_broker
from tests.live import database_url
from tests.world import World


async def received(channel: str) -> dict[str, Any]:
    layer: Any = get_channel_layer()
    message: dict[str, Any] = await asyncio.wait_for(layer.receive(channel), 10)
    return message


async def listening(world: World) -> str:
    """A channel in the group of the document's viewers."""
    layer: Any = get_channel_layer()
    channel: str = await layer.new_channel()
    await layer.group_add(groups.of_object(world.tenants["acme"].pk, world.key, "viewer"), channel)
    if settings.CHANNEL_LAYERS["default"]["BACKEND"].startswith("channels_redis"):
        # A subscription is not acknowledged: an echo says that it is there.
        await layer.group_send(
            groups.of_object(world.tenants["acme"].pk, world.key, "viewer"), {"type": "echo"}
        )
        assert (await received(channel))["type"] == "echo"
    return channel


async def test_save_of_a_plain_thread_reaches_the_broker(world: World) -> None:
    channel = await listening(world)
    publisher.bind(asyncio.get_running_loop())

    def write() -> None:
        world.document.title = "From a thread"
        world.document.save()
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert b"From a thread" in (await received(channel))["body"]
    await asyncio.to_thread(thread.join)
    publisher.bind(None)


async def test_save_of_an_async_function_reaches_the_broker(world: World) -> None:
    channel = await listening(world)
    publisher.bind(asyncio.get_running_loop())
    world.document.title = "From async"
    await world.document.asave()
    assert b"From async" in (await received(channel))["body"]
    await in_thread(publisher.flush)()
    publisher.bind(None)


SCRIPT = """
import django
django.setup()
from resources.models import Document
document = Document.objects.across_tenants().get(pk={pk})
document.title = "From a command"
document.save()
"""


def start(world: World) -> subprocess.Popen[str]:
    # By host name: resolving it takes an executor, which an ending interpreter has closed.
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": os.environ.get("REDIS_URL", "").replace("127.0.0.1", "localhost"),
    }
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(pk=world.document.pk)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@with_broker
async def test_save_of_another_process_that_ends_at_once_reaches_the_broker(world: World) -> None:
    channel = await listening(world)
    process = await asyncio.to_thread(start, world)
    _, errors = await asyncio.to_thread(process.communicate)
    assert (process.returncode, errors) == (0, "")
    assert b"From a command" in (await received(channel))["body"]


@pytest.mark.programs
def test_process_that_ends_at_once_has_sent_what_it_wrote(world: World) -> None:
    process = start(world)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert Document.objects.get(tenant=world.tenants["acme"]).title == "From a command"

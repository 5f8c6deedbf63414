"""With EARSHOT_BROKER_KEYS, the broker is sent nothing that it could read but names and sizes."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from tests.conftest import StartServer
from tests.servers import Valkey, running
from tests.test_processes import patch, receive_until, subscribe
from tests.world import World

OLD, NEW = secrets.token_urlsafe(50), secrets.token_urlsafe(50)
CANARY = "a title for the eyes of readers"
PREFIX = re.escape(settings.BROKER_PREFIX)
NAME = PREFIX + r"(specific\.[0-9a-f]{32}|__group__earshot\.\d+(\.[a-z]+\.[a-z]+\.\d+\.[a-z]+)?)"
"""Names at the broker are of numbers, models and audiences alone."""
ROTATION = [OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", NEW]
"""What EARSHOT_BROKER_KEYS is in turn, as docs/operations.md says."""


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    with running(Valkey) as valkey:
        yield valkey


@contextmanager
def overheard(valkey: Valkey) -> Iterator[list[str]]:
    """Every command that the broker is sent, as it sees it itself."""
    commands: list[str] = []
    listening, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with client.monitor() as monitor:
            listening.set()
            for command in monitor.listen():
                commands.append(command["command"])
                if "the end" in command["command"]:
                    break
        ended.set()

    with redis.Redis.from_url(valkey.url) as client:
        thread = threading.Thread(target=listen)
        thread.start()
        assert listening.wait(30)
        yield commands
        with redis.Redis.from_url(valkey.url) as other:
            other.echo("the end")
        assert ended.wait(30)
        thread.join()


@pytest.mark.parametrize("keys", ["", f"{NEW},{OLD}"], ids=["plain", "encrypted"])
def test_broker_sees_names_but_no_payload_with_keys_and_a_process_of_older_keys_reads_it(
    world: World, start_server: StartServer, valkey: Valkey, keys: str
) -> None:
    common = {"REDIS_URL": valkey.url, "EARSHOT_TAIL_SECONDS": "3600"}
    with overheard(valkey) as commands:
        writer = start_server("uvicorn", EARSHOT_BROKER_KEYS=keys, **common)
        older = f"{OLD},{NEW}" if keys else ""
        reader = start_server("uvicorn", EARSHOT_BROKER_KEYS=older, **common)
        with subscribe(reader, world, "viewer") as viewer:
            patch(writer, world, "owner", title=CANARY)
            receive_until(viewer, title=CANARY)
    sent = [command for command in commands if command.startswith("PUBLISH")]
    assert any(f".{world.document.pk}.viewer " in command for command in sent)
    told = [c for c in sent if CANARY in c or "UPDATE" in c or "hub." in c]
    assert bool(told) is not bool(keys)
    names = {c.split(" ")[1] for c in commands if c.split(" ")[0] in ("PUBLISH", "SUBSCRIBE")}
    assert [name for name in names if not re.fullmatch(NAME, name)] == []


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("backwards", [False, True])
async def test_processes_understand_each_other_at_each_step_of_a_rotation(
    valkey: Valkey, step: int, backwards: bool
) -> None:
    pair = ROTATION[step : step + 2]
    sender, receiver = (
        RedisPubSubChannelLayer(hosts=[valkey.url], symmetric_encryption_keys=keys.split(","))
        for keys in (reversed(pair) if backwards else pair)
    )
    channel = await receiver.new_channel()
    await sender.send(channel, {"type": "hub.probe", "number": step})
    assert await receiver.receive(channel) == {"type": "hub.probe", "number": step}
    await sender.flush()
    await receiver.flush()

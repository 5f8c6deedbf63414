"""What serves sockets has database connections that requests cannot take."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connection, connections

from realtime.publishing import notifications
from realtime.transport import door
from tests.client import in_thread, registered
from tests.gates import this_hub
from tests.realtime.wire import Wire
from tests.world import World

RESERVED = {"postgresql": "Reserved", "sqlite": "DatabaseWrapper"}


def here() -> tuple[str, str]:
    """The thread, without its number, and what its connection is of."""
    name = threading.current_thread().name.rsplit("_", 1)[0]
    return name, type(connections["default"]).__name__


async def test_reads_tail_heartbeat_and_door_use_connections_of_their_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    identify, seen = door.identify, []

    def identified(*args: Any) -> Any:
        seen.append(here())
        return identify(*args)

    monkeypatch.setattr(door, "identify", identified)
    async with registered(world, "viewer"):
        seen.append(await this_hub().run(here))
    reserved = RESERVED[connection.vendor]
    assert seen == [("earshot-door", reserved), ("earshot-read", reserved)]
    assert (await in_thread(here)())[1] == "DatabaseWrapper"


def test_publisher_uses_connections_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, seen = notifications.publish, []

    def published(*args: Any) -> Any:
        seen.append(here())
        return publish(*args)

    from realtime.publishing.publisher import Publisher

    box = Publisher()
    monkeypatch.setattr(notifications, "publish", published)
    box.wake()
    assert box.flush(10)
    # What shows what it read is raised, and announced by the other publisher.
    assert set(seen) == {("earshot-publisher", RESERVED[connection.vendor])}


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("error", "code"), [(OperationalError("x"), 4503), (ProgrammingError("x"), 4500)]
)
async def test_socket_that_comes_while_the_database_is_away_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail(*_: Any) -> None:
        raise error

    token = await in_thread(world.token)("viewer")
    monkeypatch.setattr(door, "identify", fail)
    async with Wire(token) as wire:
        assert await wire.frame() == {"close": code}

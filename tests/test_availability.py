"""Promise 8: a dead or hanging broker stops neither saves nor those who listen."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.conftest import StartServer
from tests.servers import Valkey, running
from tests.test_processes import patch, receive, subscribe
from tests.world import World


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A broker of this test's own, to be mistreated."""
    with running(Valkey) as valkey:
        yield valkey


def test_saves_and_sockets_go_on_without_a_broker_and_with_it_again(
    world: World, start_server: StartServer, valkey: Valkey
) -> None:
    server = start_server("uvicorn", REDIS_URL=valkey.url, EARSHOT_TAIL_SECONDS="0.2")
    with subscribe(server, world, "viewer") as viewer:
        patch(server, world, "owner", title="With a broker")
        assert receive(viewer)["payload"]["title"] == "With a broker"
        valkey.stop()
        patch(server, world, "owner", title="Without one")
        assert receive(viewer)["payload"]["title"] == "Without one"
        with subscribe(server, world, "editor") as editor:  # a group that cannot be joined
            patch(server, world, "owner", title="Still without")
            assert receive(editor)["payload"]["title"] == "Still without"
            assert receive(viewer)["payload"]["title"] == "Still without"
            valkey.start()
            patch(server, world, "owner", title="Back")
            assert receive(editor)["payload"]["title"] == "Back"
            assert receive(viewer)["payload"]["title"] == "Back"
        world.revoke("viewer")
        assert receive(viewer)["type"] == "DELETE_DOCUMENT"


def test_a_save_returns_while_the_broker_hangs(
    world: World, start_server: StartServer, valkey: Valkey
) -> None:
    server = start_server("uvicorn", REDIS_URL=valkey.url, EARSHOT_TAIL_SECONDS="0.2")
    with subscribe(server, world, "viewer") as viewer:
        assert valkey.process is not None
        valkey.process.send_signal(signal.SIGSTOP)
        try:
            patch(server, world, "owner", title="While it hangs")
            assert receive(viewer)["payload"]["title"] == "While it hangs"
        finally:
            valkey.process.send_signal(signal.SIGCONT)
        patch(server, world, "owner", title="Afterwards")
        assert receive(viewer)["payload"]["title"] == "Afterwards"

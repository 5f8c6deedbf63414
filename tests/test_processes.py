"""The main job on real server processes, through a WebSocket library that is not Channels'."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.announced import announced
from tests.conftest import StartServer
from tests.databases import with_broker
from tests.live import LiveServer
from tests.world import World


def call(
    server: LiveServer, world: World, username: str, method: str, path: str, body: Any = None
) -> Any:
    """The JSON that a server answers over HTTP, if any; raises what urllib does of errors."""
    headers = {
        "Authorization": f"Token {world.token(username)}",
        "Content-Type": "application/json",
        "X-Tenant": "acme",
    }
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(server.url + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def patch(server: LiveServer, world: World, username: str, **fields: Any) -> None:
    """Change the document over HTTP."""
    call(server, world, username, "PATCH", world.url, fields)


@contextmanager
def subscribe(server: LiveServer, world: World, username: str) -> Iterator[ClientConnection]:
    """A socket of the user's, live on the document."""
    headers = {"Authorization": f"Token {world.token(username)}"}
    with connect(f"{server.socket_url}?tenant=acme", additional_headers=headers) as socket:
        assert receive(socket)["type"] == "WELCOME"
        socket.send(json.dumps({"model": "resources.document", "id": world.id}))
        assert receive(socket)["type"] == "SUBSCRIBED"
        yield socket


def receive(socket: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    frame: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return frame


def receive_until(socket: ClientConnection, **fields: Any) -> dict[str, Any]:
    """The next frame whose payload shows these values.

    How many come before it is not certain: two commits that are announced late are announced
    together, and a newer state stands for an older one.
    """
    frame = receive(socket)
    while not fields.items() <= frame["payload"].items():
        frame = receive(socket)
    return frame


@pytest.mark.parametrize("program", ["uvicorn", "daphne"])
def test_each_reader_receives_exactly_their_view_from_a_real_server(
    world: World, start_server: StartServer, program: str
) -> None:
    server = start_server(program)
    with (
        subscribe(server, world, "owner") as owner,
        subscribe(server, world, "viewer") as viewer,
        connect(server.socket_url) as stranger,
    ):
        patch(server, world, "owner", title="New", budget="7.00")
        assert receive(owner)["payload"]["budget"] == "7.00"
        update = receive(viewer)
        assert update["payload"]["title"] == "New"
        assert "budget" not in update["payload"]
        with pytest.raises(ConnectionClosed):
            stranger.recv(timeout=10)
        assert stranger.close_code == 4401
    assert "Traceback" not in server.log


def test_a_change_in_this_process_reaches_sockets_of_a_server(
    world: World, start_server: StartServer
) -> None:
    """By the broker where there is one, and by the server's tail where there is none."""
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.1")
    with subscribe(server, world, "viewer") as viewer:
        world.write(title="Written elsewhere")
        announced()
        assert receive(viewer)["payload"]["title"] == "Written elsewhere"
        world.revoke("viewer")
        assert receive(viewer)["type"] == "DELETE_DOCUMENT"


@with_broker
def test_two_processes_share_changes_and_revocations(
    world: World, start_server: StartServer
) -> None:
    never = {"EARSHOT_TAIL_SECONDS": "3600"}
    uvicorn, daphne = start_server("uvicorn", **never), start_server("daphne", **never)
    with subscribe(uvicorn, world, "viewer") as here, subscribe(daphne, world, "editor") as there:
        patch(daphne, world, "owner", title="From the other")
        patch(uvicorn, world, "owner", review_notes="Not for viewers")
        assert "review_notes" not in receive_until(here, title="From the other")["payload"]
        receive_until(there, title="From the other", review_notes="Not for viewers")
        world.revoke("viewer")
        world.grant("editor", "viewer")
        assert receive(here)["type"] == "DELETE_DOCUMENT"
        assert receive(there)["type"] == "AUDIENCE_CHANGED"


@with_broker
def test_an_admin_sees_and_closes_sockets_of_all_processes(
    world: World, start_server: StartServer
) -> None:
    uvicorn, daphne = start_server("uvicorn"), start_server("daphne")
    with subscribe(uvicorn, world, "viewer") as here, subscribe(daphne, world, "editor") as there:
        listed = call(uvicorn, world, "admin", "GET", "/api/connections/")["results"]
        shown = {row["username"]: row for row in listed}
        assert set(shown) == {"viewer", "editor"}
        assert shown["editor"]["address"] == "127.0.0.1"
        assert shown["editor"]["subscriptions"] == [
            {"model": "resources.document", "id": world.id, "audience": "editor"}
        ]
        call(uvicorn, world, "admin", "DELETE", f"/api/connections/{shown['editor']['id']}/")
        with pytest.raises(ConnectionClosed):
            there.recv(timeout=10)
        assert there.close_code == 1000
        patch(daphne, world, "owner", title="Still there")
        assert receive(here)["payload"]["title"] == "Still there"


@with_broker
def test_what_a_killed_process_had_is_lost_and_said_so(
    world: World, start_server: StartServer
) -> None:
    lost = {"EARSHOT_PROCESS_LOST_SECONDS": "0.5", "EARSHOT_TAIL_SECONDS": "0.1"}
    alive, killed = start_server("uvicorn", **lost), start_server("uvicorn", **lost)
    with subscribe(alive, world, "viewer"), subscribe(killed, world, "editor") as there:
        killed.process.kill()
        with pytest.raises(ConnectionClosed):
            there.recv(timeout=10)
        query = f"/api/ledger/accesses/?user={world.user_id('editor')}"
        deadline = time.monotonic() + 10
        while True:
            [access] = call(alive, world, "admin", "GET", query)["results"]
            if access["until"] is not None or time.monotonic() > deadline:
                break
        assert access["cause"] == "process lost"
        [left] = call(alive, world, "admin", "GET", "/api/connections/")["results"]
        assert left["username"] == "viewer"


@pytest.mark.parametrize("program", ["uvicorn", "daphne"])
def test_a_server_that_is_stopped_sends_its_clients_elsewhere(
    world: World, start_server: StartServer, program: str
) -> None:
    server = start_server(program, EARSHOT_DRAIN_SECONDS="1")
    with subscribe(server, world, "viewer") as one, subscribe(server, world, "owner") as two:
        server.process.terminate()
        for socket in (one, two):
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=10)
            assert socket.close_code == 4503
    server.process.wait(10)
    assert "Traceback" not in server.log

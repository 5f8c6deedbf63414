"""What real servers write: one line each, with time and level, and no ticket, token or password."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.conftest import StartServer
from tests.live import LiveServer, Program
from tests.world import World

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+( \[\S+\])?: "
)
PASSWORD = "a Password of 17!"


def call(server: LiveServer, path: str, body: object, **headers: str) -> Any:
    headers = {"Content-Type": "application/json"} | headers
    request = Request(server.url + path, json.dumps(body).encode(), headers, method="POST")
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        return json.load(error)


def opened(server: LiveServer, query: str, **headers: str) -> ClientConnection:
    return connect(
        f"{server.socket_url}{query}", additional_headers=headers, proxy=None, open_timeout=30
    )


def busy_day(server: LiveServer, world: World) -> list[str]:
    """Log in, open sockets by each way, fail by each way; the secrets that went over the wire."""
    call(server, "/api/login/", {"username": "owner", "password": PASSWORD})  # not yet
    user = world.user("owner")
    user.set_password(PASSWORD)
    user.save()
    login = call(server, "/api/login/", {"username": "owner", "password": PASSWORD})
    header = {"Authorization": f"Token {login['token']}"}
    tickets = [call(server, "/api/tickets/", {}, **header)["ticket"] for _ in range(3)]
    for query in (f"?ticket={tickets[0]}", f"?tenant=acme&t%69cket={tickets[1]}"):
        with opened(server, query) as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "WELCOME"
    with opened(server, "", **header) as socket:
        assert json.loads(socket.recv(timeout=30))["type"] == "WELCOME"
    for query in (f"nowhere?ticket={tickets[2]}", f"?ticket={tickets[0]}"):
        try:
            with opened(server, query) as socket:
                socket.recv(timeout=30)
        except Exception:  # refused or closed, as it may be
            continue
    call(server, f"/api/nowhere/?ticket={tickets[2]}&token={login['token']}", {}, **header)
    call(server, "/api/me/", {}, Authorization=f"Token {login['token'][:-1]}0")
    call(server, "/api/me/", {}, Cookie="sessionid=0123456789abcdefghijklmnopqrstuv")
    return [PASSWORD, login["token"], "0123456789abcdefghijklmnopqrstuv", *tickets]


def whole(line: str) -> bool:
    return LINE.match(line) is not None


def whole_json(line: str) -> bool:
    return {"time", "level", "logger", "message"} <= json.loads(line).keys()


SERVERS: list[tuple[Program, str, Callable[[str], bool]]] = [
    ("uvicorn", "line", whole),
    ("uvicorn", "json", whole_json),
    ("project", "json", whole_json),
    ("daphne", "line", whole),
]


@pytest.mark.parametrize(("program", "form", "check"), SERVERS)
def test_server_writes_whole_lines_without_secrets(
    start_server: StartServer, world: World, program: Program, form: str,
    check: Callable[[str], bool],
) -> None:  # fmt: skip
    options = ["--log-config", "project/uvicorn.json"] if program == "uvicorn" else []
    server = start_server(program, options, EARSHOT_LOG=form, EARSHOT_LOG_LEVEL="DEBUG")
    secrets = busy_day(server, world)
    server.stop()
    lines = server.log.splitlines()
    assert len(lines) > 10
    assert [line for line in lines if not check(line)] == []
    assert [line for line in lines for secret in secrets if secret in line] == []
    assert any("/api/tickets/ 201" in line for line in lines)

"""While the database is away, everything answers 503, and soon; real servers are stopped."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client

from project import errors
from project.asgi import application
from tenants.middleware import DatabaseMiddleware
from tenants.models import User
from tenants.rest import exception_handler
from tenants.views import MeView
from tests.client import in_thread
from tests.conftest import StartServer
from tests.live import LiveServer
from tests.servers import Postgres, running
from tests.tenants.conftest import bearer, session_of
from tests.world import World

AWAY = {
    "detail": "The database is not responding; try again soon.",
    "code": "service_unavailable",
}
TOKEN = {"Authorization": f"Token {'0' * 64}"}
COOKIE = {"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"}
LOGIN = json.dumps({"username": "owner", "password": "secret"}).encode()
REQUESTS: list[tuple[str, str, dict[str, str], bytes | None]] = [
    ("GET", "/api/me/", TOKEN, None),
    ("GET", "/api/documents/", COOKIE, None),
    ("POST", "/api/login/", {"Content-Type": "application/json"}, LOGIN),
    ("GET", "/admin/", COOKIE, None),
]


@pytest.mark.parametrize("path", ["/api/me/", "/api/documents/", "/admin/"])
@pytest.mark.django_db
def test_request_that_needs_the_database_answers_503(path: str) -> None:
    user = User.objects.create_user("owner")
    client: Client = bearer(user) if path.startswith("/api") else Client()
    if path == "/admin/":
        session_of(user, client)
    client.raise_request_exception = False

    def fail(*_: Any) -> None:
        raise OperationalError("the connection is closed")

    with connection.execute_wrapper(fail):
        answer = client.get(path)
    assert (answer.status_code, answer.json(), answer["Retry-After"]) == (503, AWAY, "5")


def test_api_answers_503_also_without_the_middleware() -> None:
    answer = exception_handler(OperationalError("the connection is closed"), {})
    assert answer is not None
    assert (answer.status_code, answer.data, answer["Retry-After"]) == (503, AWAY, "5")


def test_session_that_cannot_be_saved_is_503_also_outside_of_views() -> None:
    try:
        raise OperationalError("the connection is closed")
    except OperationalError:
        answer = errors.server_error(HttpRequest())
    assert (answer.status_code, json.loads(answer.content)) == (503, AWAY)
    assert errors.server_error(HttpRequest()).status_code == 500


async def test_answer_that_is_taken_slowly_holds_no_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django itself gives it back when all was sent: whoever reads nothing would keep it."""
    get, seen, held = MeView.get_object, [], []
    asked = [{"type": "http.request", "body": b""}]

    def looked_up(view: MeView) -> Any:
        found = get(view)
        seen.append(connections["default"])
        assert seen[0].connection is not None
        return found

    async def receive() -> Any:
        if not asked:
            await asyncio.Event().wait()  # the client stays
        return asked.pop()

    async def send(message: Any) -> None:
        held.append((message["type"], seen[0].connection))

    monkeypatch.setattr(MeView, "get_object", looked_up)
    token = await in_thread(world.token)("viewer")
    headers = [(b"host", b"localhost"), (b"authorization", f"Token {token}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/api/me/", "headers": headers}
    await application({**scope, "query_string": b""}, receive, send)
    assert held == [("http.response.start", None), ("http.response.body", None)]


def answers(server: LiveServer) -> list[tuple[int, Any, str | None]]:
    found = []
    for method, path, headers, body in REQUESTS:
        request = http.client.HTTPConnection("127.0.0.1", server.port, timeout=18)
        request.request(method, path, body, headers)
        answer = request.getresponse()
        text = answer.read()
        found.append((answer.status, json.loads(text), answer.getheader("Retry-After")))
        request.close()
    return found


def processes(postgres: Postgres) -> list[int]:
    assert postgres.process is not None
    pid = postgres.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@contextmanager
def hanging(postgres: Postgres) -> Iterator[None]:
    """It takes connections and statements, and does nothing."""
    stopped = processes(postgres)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def test_database_that_hangs_or_is_stopped_is_503_within_seconds(
    start_server: StartServer,
) -> None:
    """It took twenty; the time-out of the test's client does not allow that."""
    with running(Postgres) as postgres:
        few = {
            "EARSHOT_DATABASE_CONNECTIONS": "2",
            "EARSHOT_CONNECTION_SECONDS": "0.5",
            "EARSHOT_ANSWER_SECONDS": "0.5",
        }
        server = start_server("uvicorn", DATABASE_URL=postgres.url, **few)
        assert [status for status, _, _ in answers(server)] == [500] * 4
        with hanging(postgres):
            assert answers(server) == [(503, AWAY, "5")] * 4
        postgres.stop()
        assert answers(server) == [(503, AWAY, "5")] * 4


@pytest.mark.parametrize("answer", [HttpResponse("x"), StreamingHttpResponse(["x"])])
def test_answer_that_is_still_to_be_made_keeps_the_connection(
    transactional_db: None, answer: HttpResponseBase
) -> None:
    def view(request: HttpRequest) -> HttpResponseBase:
        connection.ensure_connection()
        return answer

    DatabaseMiddleware(view)(HttpRequest())
    assert (connection.connection is None) is not answer.streaming

"""Whatever is asked, of whichever server, the answer has the security headers."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import clear_url_caches, path
from pytest_django import Settings

from project import headers, urls
from tests.conftest import StartServer
from tests.live import Program
from tests.project.console.test_admin import operator
from tests.project.test_errors import broken, closed
from tests.test_isolation_walk import ROUTES
from tests.world import World

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HOLE = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)|[\^$]")


def missing(get: Callable[[str, str], str]) -> list[str]:
    """What the answer lacks of the headers that each must have."""
    lacks = [name for name, value in WANTED.items() if get(name, "") != value]
    policy = get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "frame-ancestors 'none'" not in policy:
        lacks.append("Content-Security-Policy")
    if re.search(r"unsafe|\*", policy):
        lacks.append(policy)
    if "camera=()" not in get("Permissions-Policy", ""):
        lacks.append("Permissions-Policy")
    return lacks


def filled(route: str, key: object) -> str:
    """The route with this key in all its places."""
    return "/" + HOLE.sub(lambda hole: str(key) if len(hole[0]) > 1 else "", route)


@pytest.fixture
def everybody(world: World, settings: Settings) -> list[Client]:
    """Nobody, an owner and the operator, whom no limit holds up."""
    settings.EARSHOT = {**settings.EARSHOT, "requests_per_minute": 10**6}
    settings.DEMO = True
    owner = Client(headers={"authorization": f"Token {world.token('owner')}"})
    return [Client(), owner, operator()]


@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_every_address_answers_everybody_with_the_headers(
    world: World, everybody: list[Client], method: str
) -> None:
    keys = {True: world.document.pk, False: world.id}
    paths = {filled(route, keys[route.startswith("admin/")]) for route in ROUTES}
    lacking = {}
    for address in sorted(paths):
        for client in everybody:
            answer = getattr(client, method)(address)
            assert answer.status_code < 500, address
            if lacks := missing(answer.headers.get):
                lacking[address] = lacks
    assert lacking == {}


OTHERS = ("/static/earshot/console.js", "/static/none", "/nowhere", "/admin/nowhere/", "/admin")


@pytest.mark.parametrize("address", OTHERS)
def test_files_redirects_and_what_is_not_found_have_the_headers(
    everybody: list[Client], address: str
) -> None:
    assert [missing(client.get(address).headers.get) for client in everybody] == [[], [], []]


def test_page_that_fails_has_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "urlpatterns", [path("broken", broken), path("closed", closed)])
    clear_url_caches()
    client = Client(raise_request_exception=False)
    answers = [client.get(each) for each in ("/broken", "/closed")]
    answers.append(client.get("/closed", headers={"host": "elsewhere.example"}))
    clear_url_caches()
    assert [answer.status_code for answer in answers] == [500, 403, 400]
    assert [missing(answer.headers.get) for answer in answers] == [[], [], []]


ASKED = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 404),
    ("GET", "/api/docs/", 200),
    ("GET", "/admin/login/", 200),
    ("GET", "/static/earshot/console.css", 200),
    ("GET", "/api/documents/", 401),
    ("GET", "/nowhere", 404),
    ("POST", "/api/login/", 413),  # refused before Django
]


@pytest.mark.parametrize("program", ["uvicorn", "daphne"])
def test_both_servers_send_the_headers_also_over_tls(
    start_server: StartServer, program: Program
) -> None:
    trusting = {"daphne": ["--proxy-headers"], "uvicorn": ["--forwarded-allow-ips", "127.0.0.1"]}
    server = start_server(
        program, trusting[program], EARSHOT_TLS="1", EARSHOT_HSTS_SUBDOMAINS="1",
        EARSHOT_BODY_BYTES="10",
    )  # fmt: skip
    for method, address, status in ASKED:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        body = "x" * 11 if method == "POST" else None
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        line.request(method, address, body, forwarded)
        answer = line.getresponse()
        answer.read()
        line.close()
        assert (address, answer.status) == (address, status)
        assert (address, missing(answer.headers.get)) == (address, [])
        assert answer.headers["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains"
        )
    redirect = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    redirect.request("GET", "/api/me/")
    answer = redirect.getresponse()
    assert answer.status == 301
    assert missing(answer.headers.get) == []
    redirect.close()


def test_table_of_pages_names_addresses_that_there_are() -> None:
    names = {getattr(each, "name", None) or getattr(each, "app_name", None)
             for each in urls.urlpatterns}  # fmt: skip
    assert names >= headers.PAGES.keys()

"""Probes come before hosts and TLS; a wrong Host is one line in the log; requests are timed."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.urls import resolve
from prometheus_client import REGISTRY, generate_latest
from pytest_django import Settings

from tests.conftest import StartServer
from tests.world import World

PROBES = ("/healthz", "/readyz", "/metrics")
HOSTS = ("10.0.0.5:8000", "[2001:db8::1]:8000", "somebody.example", "not a host", "under_score", "")
TOKEN = {"authorization": "Bearer secret"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN = "secret"


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("path", PROBES)
def test_probe_answers_any_host_and_over_plain_http(
    settings: Settings, caplog: pytest.LogCaptureFixture, path: str, tls: bool
) -> None:
    settings.SECURE_SSL_REDIRECT = tls
    for host in HOSTS:
        response = Client().get(path, headers={**TOKEN, "host": host})
        assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert not caplog.records


async def test_probe_answers_any_host_on_the_event_loop() -> None:
    for path in PROBES:
        response = await AsyncClient().get(path, headers={**TOKEN, "host": "10.0.0.5"})
        assert response.status_code == 200


@pytest.mark.parametrize("path", PROBES)
def test_probe_is_only_read(path: str) -> None:
    client = Client(headers=TOKEN)
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for method in ("post", "put", "patch", "delete", "options"):
        response = getattr(client, method)(path)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/api/me/", "/healthz/", "/readyz/more", "/nowhere"])
async def test_other_address_refuses_a_wrong_host_with_one_line(
    caplog: pytest.LogCaptureFixture, path: str
) -> None:
    response: Any = await AsyncClient().get(path, headers={"host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    [record] = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert "evil.example'" in record.getMessage()


def test_wrong_host_writes_no_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    host = "x\r\n2026-11-27 ERROR forged" + "y" * 1000
    assert Client().get("/api/me/", headers={"host": host}).status_code == 400
    [record] = caplog.records
    assert len(record.getMessage().splitlines()) == 1
    assert len(record.getMessage()) < 250


def test_server_answers_its_balancer_by_address(start_server: StartServer) -> None:
    server = start_server("uvicorn", ALLOWED_HOSTS="earshot.example", EARSHOT_TLS="1")
    assert server.get("/readyz")[0] == 200  # by 127.0.0.1, over plain HTTP
    assert server.get("/api/me/")[0] == 400
    assert server.log.count("127.0.0.1") == 1
    assert "Traceback" not in server.log


# How long requests take


def count(method: str, route: str) -> float:
    labels = {"method": method, "route": route}
    return REGISTRY.get_sample_value("earshot_request_seconds_count", labels) or 0


def test_request_is_timed_by_the_pattern_of_its_address(world: World) -> None:
    route = resolve(world.url).route
    assert world.id not in route
    before = count("GET", route)
    assert world.rest("owner").get(world.url).status_code == 200
    assert world.rest("member").get(world.url).status_code == 404
    assert count("GET", route) == before + 2
    assert world.id not in generate_latest().decode()


async def test_what_leads_nowhere_is_one_route_and_unknown_methods_are_one() -> None:
    before = count("other", "unknown")
    for path in ("/nowhere/1", "/nowhere/2"):
        response = await AsyncClient().generic("BREW", path)
        assert response.status_code in {404, 403, 405}
    assert count("other", "unknown") == before + 2

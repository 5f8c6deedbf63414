"""Metrics: for whom, and of how many workers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY
from pytest_django import Settings

from tests.client import in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.world import World


def scrape(**headers: str) -> Any:
    return Client().get("/metrics", headers=headers)


def series(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_without_a_token_of_its_own_it_is_not_there(settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    response, absent = scrape(authorization="Bearer "), Client().get("/nowhere")
    assert (response.status_code, response.json()) == (absent.status_code, absent.json())
    assert response.status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", "secret", "Bearer", "Bearer ", "Bearer wrong", "Token secret", "Bearer s\xe9cret"],
)
def test_token_is_wanted(settings: Settings, header: str) -> None:
    settings.METRICS_TOKEN = "secret"
    response = scrape(authorization=header)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json()["code"] == "not_authenticated"
    assert "EARSHOT_METRICS_TOKEN" in response.json()["detail"]
    assert b"earshot_" not in response.content


@pytest.mark.parametrize("header", ["Bearer secret", "bearer secret ", "BEARER  secret"])
def test_who_knows_the_token_reads(settings: Settings, header: str) -> None:
    settings.METRICS_TOKEN = "secret"
    response = scrape(authorization=header)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert b"earshot_sockets " in response.content


def test_developers_read_without_a_token(settings: Settings) -> None:
    settings.DEBUG = True
    assert scrape().status_code == 200
    settings.METRICS_TOKEN = "secret"
    assert scrape().status_code == 200


LABELS = {
    "model", "audience", "tenant", "limit", "code", "cause", "what", "method", "route", "le",
    "outcome",
}  # fmt: skip


def test_no_label_can_hold_a_value_of_an_object() -> None:
    """Nor a user, an address or an id: what labels there are is said here, one by one."""
    for metric in REGISTRY.collect():
        if metric.name.startswith("earshot_"):
            for sample in metric.samples:
                assert set(sample.labels) <= LABELS, metric.name


@pytest.mark.usefixtures("by_hand")
async def test_metrics_count_what_is_open_and_what_was_sent(
    world: World, settings: Settings
) -> None:
    settings.DEBUG = True

    def read() -> dict[str, float]:
        return series(scrape().content.decode())

    async with subscribed(world, "owner"), subscribed(world, "viewer") as viewer:
        this_hub()._measure()
        before = await in_thread(read)()
        assert before["earshot_sockets"] == 2
        assert before["earshot_subscriptions"] == 2
        await in_thread(world.write)(title="Tïtle")
        await viewer.settle()
        await in_thread(world.revoke)("viewer")
        await viewer.settle()
        this_hub()._measure()
        after = await in_thread(read)()

        def risen(name: str) -> float:
            return after[name] - before.get(name, 0)

        assert after["earshot_subscriptions"] == 1
        # Two of the change, one of the deletion, two answers to settle().
        assert risen("earshot_frames_total") == 5
        assert risen("earshot_frame_bytes_total") > 500
        assert risen('earshot_accesses_ended_total{cause="revoked"}') == 1
        # One of each audience that saw the change, whatever the number of its sockets.
        assert risen("earshot_delivery_seconds_count") == 2
        assert 0 <= risen("earshot_delivery_seconds_sum") < 60
        assert risen("earshot_round_seconds_count") >= 1
    await quiet()
    assert (await in_thread(read)())["earshot_sockets"] == 0

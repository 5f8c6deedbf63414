"""Each request's id: in the answer, in the log, and never one that a client made up wildly."""

from __future__ import annotations

import logging

import pytest
from django.test import AsyncClient, Client

from project.logs import Formatter, request_id


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "project.access"]


class Ids(logging.Handler):
    """What the formatter makes of each record, at the time when it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(Formatter(as_json=False).format(record))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("3f2a-abc.1", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ("<script>", False),
        ("", False),
        ("é", False),
    ],
)
def test_sane_id_is_taken_and_answered_and_another_is_not(given: str, taken: bool) -> None:
    answer = Client().get("/nowhere", headers={"x-request-id": given})
    assert answer.headers.get("X-Request-ID") == (given if taken else None)


async def test_every_line_of_a_request_has_its_id() -> None:
    handler = Ids()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        answer = await AsyncClient().get("/nowhere/?ticket=abc", headers={"x-request-id": "r-1"})
    finally:
        root.removeHandler(handler)
    assert (answer.status_code, answer["X-Request-ID"]) == (404, "r-1")
    assert len(handler.seen) == 2  # Django's, and the access line
    assert all(" [r-1]: " in line for line in handler.seen)
    assert request_id.get() == ""


@pytest.mark.django_db
def test_access_line_has_the_path_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Client().get("/api/me/?ticket=abc")
    [line] = lines(caplog)
    assert line.startswith("GET /api/me/ 401 in ")


def test_probes_are_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Client().get("/healthz")
    assert lines(caplog) == []


async def test_request_without_an_id_gets_one_in_its_lines() -> None:
    handler = Ids()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        await AsyncClient().get("/nowhere/")
    finally:
        root.removeHandler(handler)
    ids = {line.split(" [", 1)[1].split("]")[0] for line in handler.seen}
    assert len(ids) == 1
    assert len(handler.seen) == 2

"""`GET /api/review/who-saw/` and `seen-by/` as CSV: all rows, streamed, in the same columns."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from realtime.audit import seen
from realtime.audit.seen_command import COLUMNS
from realtime.models import Inquiry
from tests.client import in_thread
from tests.realtime.audit.sight import had, hours, read
from tests.world import World


def ask(world: World, who: str = "admin", accept: str = "text/csv", **query: Any) -> Any:
    asked = {"model": "resources.document", "id": world.id} | query
    return world.rest(who).get("/api/review/who-saw/", asked, HTTP_ACCEPT=accept)


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(StringIO(text, newline="")))


@pytest.fixture
def five(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(seen, "BATCH", 2)
    for _ in range(4):
        had(world, "viewer", "viewer", began_at=hours(2))
    read(world, "owner", "owner", hours(1))
    return world


def test_all_rows_are_streamed_in_the_columns_of_the_command(five: World) -> None:
    answer = ask(five)
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="who-saw.csv"'
    assert answer["Cache-Control"] == "private, no-store"
    found = rows(answer)
    assert list(found[0]) == list(COLUMNS)
    assert [row["recipient"] for row in found] == ["viewer"] * 4 + ["owner"]
    assert [row["over"] for row in found] == ["socket"] * 4 + ["rest"]
    assert Inquiry.objects.get().what == "who-saw"


def test_nothing_is_read_ahead_of_what_is_taken(five: World) -> None:
    parts = iter(ask(five).streaming_content)
    with CaptureQueriesContext(connection) as queries:
        next(parts)
        assert len(queries) == 0
        assert next(parts).count(b"\r\n") == 2
        first = len(queries)
        next(parts)
        assert len(queries) == 2 * first


def test_reviewer_is_told_names(five: World) -> None:
    five.appoint("watcher")
    name = five.profile("viewer").display_name
    assert rows(ask(five, "watcher"))[0]["recipient"] == name


def test_by_the_format_and_of_a_user_too(five: World) -> None:
    answer = five.rest("admin").get(
        "/api/review/seen-by/", {"user": five.user_id("owner"), "format": "csv"}
    )
    assert [row["over"] for row in rows(answer)] == ["rest"]


def test_refusals_are_json(five: World) -> None:
    for answer, code in ((ask(five, "member"), 403), (ask(five, field="nothing"), 400)):
        assert answer.status_code == code
        assert answer["Content-Type"].startswith("application/json")
        assert answer.json()


async def test_server_streams_it_from_a_thread(five: World) -> None:
    url = f"/api/review/seen-by/?user={five.user_id('viewer')}&format=csv"
    token = await in_thread(five.token)("admin")
    headers = {"Authorization": f"Token {token}", "X-Tenant": "acme"}
    answer: Any = await AsyncClient().get(url, headers=headers)
    parts = [part async for part in answer.streaming_content]
    assert [part.count(b"\r\n") for part in parts] == [1, 2, 2]


def test_calls_are_described_as_no_table_and_other_formats_are_not_found(world: World) -> None:
    rest = world.rest("admin")
    for path in ("/api/review/who-saw/", "/api/review/seen-by/"):
        told = rest.options(path, HTTP_ACCEPT="text/csv")
        assert (told.status_code, told.content) == (200, b"")
        assert rest.get(path, {"format": "other"}).status_code == 404

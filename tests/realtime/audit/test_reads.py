"""What is read over REST is recorded where the tenant wants it: once a minute, behind answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from permissions.disclosures import Disclosed
from realtime.audit import reads
from realtime.audit.reads import Recorder, recorder
from realtime.models import Read
from tenants.models import Tenant
from tests.realtime.wire import limit
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recording(world: World) -> World:
    Tenant.objects.update(record_reads=True)
    return world


@pytest.fixture
def no_thread() -> Iterator[None]:
    """Nothing is written but by those who are waited for; a thread of an earlier test ends."""
    old, recorder._worker = recorder._worker, threading.current_thread()
    with recorder._state:
        recorder._state.notify_all()
    if old is not None:
        old.join(60)
    yield
    recorder._worker = None


def recorded() -> list[tuple[int, str]]:
    recorder.flush()
    rows = Read.objects.order_by("user_id", "object_id", "audience")
    return list(rows.values_list("user_id", "audience"))


def disclosed(world: World, user_id: int) -> Disclosed:
    return Disclosed(world.tenants["acme"].pk, user_id, "resources.document", 1, "viewer")


def test_reads_lists_and_answers_to_writes_are_recorded_once_a_minute(recording: World) -> None:
    world = recording
    for _ in range(3):
        assert world.rest("viewer").get(world.url).status_code == 200
    world.rest("editor").get("/api/documents/")
    world.rest("owner").patch(world.url, {"title": "Other"})
    assert world.rest("member").get(world.url).status_code == 404
    people = {name: world.user(name).pk for name in ("viewer", "editor", "owner")}
    assert sorted(recorded()) == sorted((pk, name) for name, pk in people.items())
    row = Read.objects.get(user_id=people["viewer"])
    assert (row.object_id, row.minute.second, row.minute.microsecond) == (world.document.pk, 0, 0)


def test_not_modified_is_an_answer_too(recording: World) -> None:
    etag = recording.rest("viewer").get(recording.url)["ETag"]
    recorder.flush()
    Read.objects.all().delete()
    answer = recording.rest("viewer").get(recording.url, HTTP_IF_NONE_MATCH=etag)
    assert (answer.status_code, len(recorded())) == (304, 1)


def test_nothing_is_recorded_of_other_tenants(world: World) -> None:
    Tenant.objects.filter(slug="globex").update(record_reads=True)
    world.rest("viewer").get(world.url)
    assert recorded() == []


@pytest.mark.usefixtures("no_thread")
def test_recording_costs_the_request_no_statement(world: World) -> None:
    counts = []
    for record in (False, False, True):
        Tenant.objects.update(record_reads=record)
        with CaptureQueriesContext(connection) as queries:
            world.rest("viewer").get(world.url)
            world.rest("viewer").get("/api/documents/")
        counts.append(len(queries))
    assert counts[1] == counts[2]
    assert len(recorded()) == 1


@pytest.mark.usefixtures("no_thread")
def test_request_that_finds_no_room_writes_what_waits(recording: World, settings: Settings) -> None:
    limit(settings, reads_waiting=2)
    for user_id in (1, 2):
        recorder.record([disclosed(recording, user_id)])
    assert Read.objects.count() == 0
    recorder.record([disclosed(recording, 3)])
    assert Read.objects.count() == 2
    assert len(recorded()) == 3


@pytest.mark.usefixtures("no_thread")
def test_what_cannot_be_recorded_is_not_answered_once_there_is_no_room(
    recording: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, reads_waiting=1)
    recorder.record([disclosed(recording, 1)])

    def fail(rows: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(reads, "write", fail)
        with pytest.raises(DatabaseError):
            recorder.record([disclosed(recording, 2)])
    assert [user_id for user_id, _ in recorded()] == [1]


def test_thread_ends_when_another_writes(recording: World) -> None:
    recorder.record([disclosed(recording, 1)])
    worker = recorder._worker
    assert worker is not None
    recorder._worker = threading.current_thread()
    recorder.record([disclosed(recording, 2)])
    worker.join(60)
    recorder._worker = None
    assert not worker.is_alive()
    assert [user_id for user_id, _ in recorded()] == [1, 2]


def test_thread_writes_behind_and_tries_again(
    recording: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reads, "PAUSE_SECONDS", 0)
    write, written = reads.write, threading.Event()
    failures = iter([DatabaseError])

    def sometimes(rows: Any) -> None:
        for error in failures:
            raise error
        write(rows)
        written.set()

    monkeypatch.setattr(reads, "write", sometimes)
    ours = Recorder()
    ours.record([disclosed(recording, 1)])
    assert written.wait(10)
    ours.record([disclosed(recording, 1), disclosed(recording, 2)])
    while Read.objects.count() < 2:
        assert written.wait(10)
    assert "Reads could not be recorded; trying again" in caplog.text


@pytest.mark.usefixtures("no_thread")
def test_process_that_ends_says_what_it_could_not_record(
    recording: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.record([disclosed(recording, 1)])
    with monkeypatch.context() as patch:
        patch.setattr(reads, "write", None)
        recorder.flush()
    assert "Reads that are not recorded: 1" in caplog.text
    assert len(recorded()) == 1


@pytest.mark.usefixtures("no_thread")
def test_read_that_explain_shows_values_of_is_recorded(recording: World) -> None:
    world = recording
    asked = {"model": "resources.document", "id": world.id, "user": world.user_id("viewer")}
    answer = world.rest("admin").get("/api/review/explain/", asked)
    assert answer.json()["payload"]
    assert recorded() == [(world.user("admin").pk, "auditor")]
    Read.objects.all().delete()
    world.rest("admin").get("/api/review/explain/", asked | {"user": world.user_id("member")})
    assert recorded() == []

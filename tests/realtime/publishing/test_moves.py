"""What a model's group is told where some process has windows of the model."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from permissions.representation import ObjectKey
from realtime.audit import watches
from realtime.audit.models import Process
from realtime.capture.committed import Committed
from realtime.publishing import groups, moves, notifications
from realtime.publishing.moves import Move
from resources.models import Document
from tests.realtime.conftest import ear
from tests.world import World

LABEL = "resources.document"


@pytest.fixture
def batches(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Committed]:
    """What each commit has the publisher publish; nothing of it is."""
    return ear(monkeypatch)


@pytest.fixture
def watched(world: World) -> int:
    """Some process has windows of the tenant's documents."""
    tenant = world.tenants["acme"].pk
    process = Process.objects.create(beat_at=timezone.now())
    watches.watch(process.pk, tenant, LABEL)
    return tenant


def told(messages: list[Any], tenant: int) -> list[Move]:
    group = groups.of_model(tenant, LABEL)
    return [moves.from_layer(message) for name, message in messages if name == group]


def test_changes_that_are_announced_at_once_name_the_fields_of_all(
    world: World, batches: list[Committed], watched: int
) -> None:
    world.document.status = "archived"
    world.document.save()
    world.document.title = "B"
    world.document.save()
    [move] = told(notifications.publish(batches[0]), watched)
    assert move.key == ObjectKey(LABEL, world.document.pk)
    assert move.fields == {"status", "title", "updated_at"}
    assert [f.seen.audience for f in move.frames] == ["owner", "editor", "viewer", "auditor"]
    assert not move.created


def test_creation_is_named_without_frames(
    world: World, batches: list[Committed], watched: int
) -> None:
    made = world.create()
    with CaptureQueriesContext(connection) as asked:
        [move] = told(notifications.publish(batches[0]), watched)
    assert (move.key.pk, move.created, move.frames) == (made.pk, True, ())
    assert not [q for q in asked.captured_queries if Document._meta.db_table in q["sql"]]


def test_model_that_nobody_watches_has_no_moves(world: World, batches: list[Committed]) -> None:
    world.document.title = "B"
    world.document.save()
    assert told(notifications.publish(batches[0]), world.tenants["acme"].pk) == []


def test_change_that_is_not_there_any_more_is_named_to_nobody(world: World, watched: int) -> None:
    key = ObjectKey(LABEL, world.document.pk)
    batch = Committed(changed={(watched, key): 10**6}, noticed={}, noted=())
    assert told(notifications.publish(batch), watched) == []

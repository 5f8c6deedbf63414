"""When processes applied access revisions, as their rows say; asked all at once, by an index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from realtime.audit import applying
from realtime.audit.applying import Applying
from realtime.audit.viewings import Applied
from realtime.models import Held
from tests.world import World


def test_moments_are_found_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "BATCH", 3)
    tenant = world.tenants["acme"]
    at = timezone.now()
    for n in (1, 3, 5):
        Applied.objects.create(
            tenant=tenant, process=7, revision=n, read=n + 1, at=at + timedelta(hours=n)
        )
    asked = Applying(tenant.pk)
    asked.ask(7, [had_held(n, n) for n in range(1, 8)])
    asked.ask(7, [had_held(None, None, at + timedelta(hours=2))])
    with CaptureQueriesContext(connection) as queries:
        asked.find()
        asked.ask(7, [had_held(1, 1)])
        asked.find()
    assert len(queries) <= 3 + 3 + 1 + 1 + 3
    found = asked.of(7)
    assert [found.read(n) for n in (1, 2, 3, 6)] == [at + timedelta(hours=n) for n in (1, 1, 3, 5)]
    assert [found.applied(n) for n in (1, 2, 5)] == [at + timedelta(hours=n) for n in (1, 3, 5)]
    assert (found.read(7), found.applied(6), asked.of(8).read(1)) == (None, None, None)
    assert found.applied_after(at + timedelta(hours=2)) == at + timedelta(hours=3)


def had_held(since: int | None, until: int | None, ended_at: Any = None) -> Held:
    return Held(since=since, until=until, began_at=timezone.now(), ended_at=ended_at)

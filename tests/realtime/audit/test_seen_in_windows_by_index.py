"""Windows that could show something are found by an index, and in order."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from realtime.audit import seen_in_windows
from realtime.audit.viewings import Viewing
from resources.audiences import DOCUMENTS
from tests.realtime.audit.plans import Analyze, plan
from tests.realtime.audit.sight import hours, viewed
from tests.world import World


@pytest.mark.parametrize("what", ["object", "user"])
def test_windows_are_found_by_an_index(world: World, analyze: Analyze, what: str) -> None:
    one = viewed(world, "viewer")
    Viewing.objects.bulk_create(
        Viewing(**{f.attname: getattr(one, f.attname) for f in Viewing._meta.concrete_fields}
                | {"id": None, "user_id": 10**6 + n})
        for n in range(2000)
    )  # fmt: skip
    analyze(Viewing)
    found = seen_in_windows.viewings(one.tenant_id, None, None, (hours(10), 0))
    held = seen_in_windows.held_of(DOCUMENTS, one.tenant_id, world.document.pk)
    by_grant = [row for row in held if row.principal.startswith("user:")]
    windows = found.filter(
        seen_in_windows.who(one.tenant_id, by_grant) if what == "object" else Q(user_id=10**6 + 7)
    )
    assert "earshot_viewing_by_" in plan(windows[:500])


@pytest.mark.parametrize("what", ["object", "user"])
def test_windows_that_lasted_into_a_span_are_found_by_when_they_ended(
    world: World, analyze: Analyze, what: str
) -> None:
    one = viewed(world, "viewer")
    Viewing.objects.bulk_create(
        Viewing(**{f.attname: getattr(one, f.attname) for f in Viewing._meta.concrete_fields}
                | {"id": None, "user_id": 17 + n % 2, "model": ("a.b", "c.d")[n // 2 % 2],
                   "began_at": hours(2000 - n), "ended_at": hours(2000 - n)})
        for n in range(2000)
    )  # fmt: skip
    analyze(Viewing)
    earlier, _ = seen_in_windows.in_order(one.tenant_id, hours(20), None)
    of = Q(model="a.b") if what == "object" else Q(user_id=17)
    ends = ("model_end", "user_end", "end")
    how = plan(earlier.filter(of)[:50])
    assert any(f"earshot_viewing_by_{name}" in how for name in ends), how


def test_windows_of_a_span_come_in_order_page_by_page(world: World) -> None:
    for began, ended in ((9, 5), (8, 2), (7, None), (3, 1)):
        until = None if ended is None else hours(ended)
        viewed(world, "viewer", began_at=hours(began), ended_at=until)
    tenant, since = world.tenants["acme"].pk, hours(4)

    def hours_of(after: Any = None) -> list[int]:
        parts = seen_in_windows.in_order(tenant, since, None, after)
        rows = [row for part in parts for row in part]
        return [round((timezone.now() - row.began_at).total_seconds() / 3600) for row in rows]

    assert hours_of() == [8, 7, 3]
    second = Viewing.objects.order_by("began_at")[2]
    assert hours_of((second.began_at, second.pk)) == [3]
    last = Viewing.objects.order_by("began_at")[3]
    assert hours_of((last.began_at, last.pk)) == []

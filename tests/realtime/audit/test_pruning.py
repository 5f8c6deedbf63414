"""Old rows go, in batches; what is open or young stays, and nobody who listens is troubled."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from permissions.models import AccessChange
from permissions.representation import ObjectKey
from realtime.audit import ledger, pruning
from realtime.audit.models import Access, Push, Read
from realtime.audit.viewings import Applied, Viewing
from realtime.capture import changes
from realtime.capture.changes import Recorded
from realtime.management.commands.prune import age
from realtime.models import Belongs, Change, Held
from tenants import revocations
from tenants.models import Membership, Renewal
from tests.announced import announced
from tests.client import in_thread, subscribed
from tests.realtime.audit.sight import read
from tests.realtime.audit.test_ledger import lost_process
from tests.realtime.pieces import frame
from tests.world import World

OLD = timedelta(days=100)


@pytest.fixture
def aged(world: World) -> World:
    """Everything that there is of changes is old; of two accesses one is open."""
    long_ago = timezone.now() - OLD
    lost_process(world)
    lost_process_of_another = Access.objects.get()
    lost_process_of_another.pk = None
    lost_process_of_another.ended_at = long_ago
    lost_process_of_another.save()
    ledger.write_pushes(world.tenants["acme"].pk, [frame(v) for v in range(5)])
    for process, ended_at in ((1, None), (2, long_ago)):
        Viewing.objects.create(
            tenant=world.tenants["acme"], user_id=1, model="x", where={}, process=process,
            connection="c", began_at=long_ago, ended_at=ended_at,
        )  # fmt: skip
        for revision, at in ((1, long_ago), (2, long_ago), (3, timezone.now())):
            Applied.objects.create(
                tenant=world.tenants["acme"], process=process, revision=revision, read=revision,
                at=long_ago if process == 2 else at,
            )  # fmt: skip
    world.revoke("viewer")
    Membership.objects.filter(user=world.user("editor")).update(is_active=False)
    for interval in (Held, Belongs):
        interval.objects.exclude(ended_at=None).update(ended_at=long_ago)
    for model in (Push, Change, AccessChange):
        model.objects.update(at=long_ago)
    read(world, "viewer", "viewer", long_ago)
    read(world, "editor", "editor", timezone.now())
    return world


def prune(age: str) -> dict[str, int]:
    out = StringIO()
    call_command("prune", "--older-than", age, stdout=out)
    return {line.split(": ")[0]: int(line.split(": ")[1]) for line in out.getvalue().splitlines()}


@pytest.mark.parametrize("batch", [2, 5_000])
def test_old_rows_go_and_an_open_access_stays(
    aged: World, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(pruning, "BATCH", batch)
    revocations.revoke(aged.tenants["acme"].pk, ("token", "gone"))
    Renewal.objects.create(kind="token", key="older", renewed="gone")
    counts = Change.objects.count(), AccessChange.objects.count()
    assert prune("90d") == {
        "earshot_realtime.Access": 1,
        "earshot_realtime.Push": 5,
        "earshot_realtime.Read": 1,
        "earshot_realtime.Inquiry": 0,
        "earshot_realtime.Viewing": 1,
        "earshot_realtime.Applied": 3,
        "earshot_realtime.Held": 1,
        "earshot_realtime.Belongs": 1,
        "earshot_realtime.Change": counts[0],
        "earshot_permissions.AccessChange": counts[1],
        "earshot_tenants.Revocation": 1,
        "earshot_tenants.Renewal": 1,
    }
    assert [access.ended_at for access in Access.objects.all()] == [None]
    assert not Push.objects.exists()
    assert Read.objects.get().audience == "editor"
    assert list(Viewing.objects.values_list("process", flat=True)) == [1]
    # Of a process with windows the last one from before stays: it says what was applied until then.
    assert prune("90d")["earshot_realtime.Applied"] == 1  # its process's windows went before it
    kept = Applied.objects.order_by("pk").values_list("process", "revision")
    assert list(kept) == [(1, 2), (1, 3)]


def test_young_rows_stay(aged: World) -> None:
    assert set(prune("101d").values()) == {0}
    assert set(prune("15w").values()) == {0}
    assert prune("2399h")["earshot_realtime.Push"] == 5


@pytest.mark.parametrize("old", range(8))
@pytest.mark.parametrize("batch", [2, 5_000])
def test_of_a_log_exactly_what_is_old_goes(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, old: int, batch: int
) -> None:
    monkeypatch.setattr(pruning, "BATCH", batch)
    record(*range(7))
    keys = list(Change.objects.order_by("pk").values_list("pk", flat=True))
    Change.objects.filter(pk__in=keys[2:4]).delete()  # there are gaps
    keys[2:4] = []
    Change.objects.filter(pk__in=keys[:old]).update(at=timezone.now() - OLD)
    assert prune("90d")["earshot_realtime.Change"] == min(old, 5)
    assert list(Change.objects.order_by("pk").values_list("pk", flat=True)) == keys[old:]


def test_young_row_among_old_ones_stays(transactional_db: None) -> None:
    """A long transaction names its rows early and writes them late."""
    record(*range(20))
    keys = list(Change.objects.order_by("pk").values_list("pk", flat=True))
    Change.objects.exclude(pk__in=[keys[3], keys[19]]).update(at=timezone.now() - OLD)
    prune("90d")
    assert list(Change.objects.order_by("pk").values_list("pk", flat=True)) == [keys[3], keys[19]]


def test_what_stays_of_a_log_is_hardly_read(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(*range(500))
    [first] = Change.objects.order_by("pk").values_list("pk", flat=True)[:1]
    Change.objects.filter(pk__lt=first + 4).update(at=timezone.now() - OLD)
    with CaptureQueriesContext(connection) as queries:
        assert prune("90d")["earshot_realtime.Change"] == 4
    of_changes = [q["sql"] for q in queries if 'FROM "earshot_realtime_change"' in q["sql"]]
    assert len(of_changes) <= 2 + (500).bit_length()
    assert all('"earshot_realtime_change"."id" >= ' in sql or "MIN(" in sql for sql in of_changes)


def record(*books: int) -> None:
    changes.record(1, [Recorded(ObjectKey("library.book", pk), 5, None) for pk in books])


@pytest.mark.parametrize("text", ["90", "0d", "-1d", "90m", "d", "1.5d", "999999d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not an age"):
        age(text)
    with pytest.raises(CommandError, match="is not an age"):
        call_command("prune", f"--older-than={text}")


@pytest.mark.usefixtures("by_hand")
async def test_those_who_listen_notice_nothing_of_it(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:

        def make_old_and_prune() -> Any:
            for model in (Change, AccessChange):
                model.objects.update(at=timezone.now() - OLD)
            return prune("90d")

        assert (await in_thread(make_old_and_prune)())["earshot_permissions.AccessChange"]
        assert await viewer.settle() == []
        await in_thread(world.write)(title="Afterwards")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        await in_thread(world.revoke)("viewer")
        assert [f["type"] for f in await viewer.settle()] == ["DELETE_DOCUMENT"]
        announced()

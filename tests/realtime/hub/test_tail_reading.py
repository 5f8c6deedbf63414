"""What the tail asks of the database, and what a look costs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.commits import Mark
from permissions.models import AccessChange
from permissions.representation import ObjectKey
from permissions.snapshot import snapshot
from realtime.capture import changes, committed
from realtime.capture.changes import Recorded
from realtime.capture.committed import Committed, Own
from realtime.hub import tail as tail_of_hub
from realtime.hub.tail import TailReading, read_tail
from realtime.models import Change
from realtime.publishing.publisher import publisher
from resources.models import Document, Profile
from tests.announced import announced
from tests.databases import on_postgresql
from tests.realtime.conftest import Begin, queries
from tests.realtime.recorded import stored
from tests.world import World


@pytest.fixture
def acme(world: World) -> int:
    return world.tenants["acme"].pk


def tail(marks: list[Mark] | None, *tenants: int) -> TailReading:
    return read_tail(lambda: tenants, marks)


def test_tail_finds_what_was_written_since_the_last_one_once(world: World, acme: int) -> None:
    first = tail(None, acme)
    assert (first.changed, first.showing) == ([], set())
    world.document.budget = "5.00"
    world.document.save()
    Document.objects.filter(tenant=acme).update(body="B")
    world.create("globex", "rival")
    found = tail(first.marks, acme)
    assert [(c.tenant_id, c.key, c.fields) for c in found.changed] == [
        (acme, world.key, ["budget"]),
        (acme, world.key, ["body", "updated_at"]),
    ]
    assert found.changed[-1].version == stored(world.document).version
    announced()
    assert tail(found.marks, acme).changed == []


def test_first_tail_names_the_access_revisions_of_its_tenants(world: World, acme: int) -> None:
    globex = world.tenants["globex"].pk
    found = tail(None, acme, globex, 10**9)
    assert found.revisions == {
        acme: accesslog.revision(acme),
        globex: accesslog.revision(globex),
        10**9: 0,
    }


def test_later_tails_name_the_revisions_that_rose(world: World, acme: int) -> None:
    globex = world.tenants["globex"].pk
    first = tail(None, acme, globex)
    world.revoke("viewer")
    world.revoke("editor")
    found = tail(first.marks, acme, globex)
    assert found.revisions == {acme: accesslog.revision(acme)}
    assert tail(found.marks, acme, globex).revisions == {}


def test_tail_begins_where_nothing_was_ever_written(transactional_db: None) -> None:
    first = tail(None, 1)
    assert first.changed == tail(first.marks, 1).changed == []


def test_tail_finds_what_is_shown_in_each_tenant(world: World, acme: int) -> None:
    globex = world.tenants["globex"].pk
    document = world.create("globex", "both")
    announced()
    marks = tail(None, acme).marks
    for slug in ("acme", "globex"):
        Profile.objects.filter(tenant=world.tenants[slug]).update(display_name="New")
    found = tail(marks, acme, globex)
    assert found.showing == {
        (acme, world.key),
        (globex, ObjectKey("resources.document", document.pk)),
    }


def test_tenant_that_comes_while_the_tail_looks_misses_nothing(world: World, acme: int) -> None:
    """What it reads itself may be older than the snapshot, so long as that is not taken."""
    first = tail(None)

    def served() -> list[int]:
        return [acme] if connection.in_atomic_block else []

    world.write(title="Before the look")
    assert [c.key for c in read_tail(served, first.marks).changed] == [world.key]


@on_postgresql
def test_tail_finds_a_transaction_that_began_before_it_and_committed_after_it(
    world: World, acme: int, elsewhere: Begin
) -> None:
    """A lower id, and a lower transaction number, may commit after a higher one was read."""
    late = world.create()
    announced()
    marks = tail(None, acme).marks
    late.body = "Late"
    slow = elsewhere(late.save)
    world.document.body = "Early"
    world.document.save()
    first = tail(marks, acme)
    assert [c.key for c in first.changed] == [world.key]
    slow.commit()
    second = tail(first.marks, acme)
    assert [c.key.pk for c in second.changed] == [late.pk]
    assert tail(second.marks, acme).changed == []


# What a look costs.


READ = """
SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))
FROM pg_class WHERE oid = ANY(%(logs)s::regclass[])
OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%(logs)s::regclass[]))
"""


@pytest.fixture
def read(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many rows and index entries of the logs each look has read."""
    read: list[int] = []

    def total(cursor: Any) -> int:
        cursor.execute(READ, {"logs": [Change._meta.db_table, AccessChange._meta.db_table]})
        return int(cursor.fetchone()[0])

    def in_snapshot(work: Callable[[bool], Any]) -> Any:
        with snapshot(), connection.cursor() as cursor:
            before = total(cursor)
            found = work(False)
            read.append(total(cursor) - before)
        return found

    monkeypatch.setattr(tail_of_hub, "in_snapshot", in_snapshot)
    monkeypatch.setattr(committed, "in_snapshot", in_snapshot)
    look = committed.look
    monkeypatch.setattr(committed, "look", lambda *how: in_snapshot(lambda _: look(*how)))
    monkeypatch.setattr(publisher, "wake", lambda: None)  # it looks too
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")  # so few it would rather read all
    yield read
    with connection.cursor() as cursor:
        cursor.execute("RESET enable_seqscan")


def write_many(acme: int) -> None:
    """Write as much as PostgreSQL has to know of to read well."""
    rows = [Recorded(ObjectKey("library.book", pk), 5, None) for pk in range(300)]
    changes.record(acme, rows)
    accesslog.record(acme, [Touch(user) for user in range(300)], "test")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE earshot_realtime_change, earshot_permissions_accesschange")


@on_postgresql
def test_forgotten_open_transaction_costs_the_looks_nothing(
    acme: int, read: list[int], elsewhere: Begin
) -> None:
    """It holds the horizon: by that, each look would read all that was written since."""

    first = tail(None, acme)
    own = Own()
    own.read()
    book = Recorded(ObjectKey("library.book", 1), 6, None)
    forgotten = elsewhere(lambda: changes.record(acme, [book]))
    write_many(acme)
    found = tail(first.marks, acme)
    assert len(found.changed) == 300
    assert len(own.read().changed) == 300
    read.clear()
    again = tail(found.marks, acme)
    assert (again.changed, again.revisions, own.read()) == ([], {}, Committed())
    assert read == [0, 0]
    forgotten.commit()
    assert [c.version for c in tail(again.marks, acme).changed] == [6]
    assert 0 < read[-1] < 10


@on_postgresql
def test_past_of_another_cluster_costs_the_looks_nothing(acme: int, read: list[int]) -> None:
    """Restored from a dump, it has rows with higher numbers than any transaction of this one."""
    write_many(acme)
    Change.objects.update(xid=10**15)
    AccessChange.objects.update(xid=10**15)
    write_many(acme)
    found = tail(None, acme)
    again = tail(found.marks, acme)
    assert (again.changed, again.revisions, read[-1]) == ([], {}, 0)
    changes.record(acme, [Recorded(ObjectKey("library.book", 1), 6, None)])
    accesslog.record(acme, [Touch(1)], "test")
    last = tail(again.marks, acme)
    assert [c.version for c in last.changed] == [6]
    assert last.revisions == {acme: accesslog.revision(acme)}
    assert 0 < read[-1] < 20


def test_look_costs_the_same_however_many_tenants_are_served(world: World, acme: int) -> None:
    marks = tail(None).marks
    for tenants in ([], [acme], range(1_000)):
        assert queries(tail, marks, *tenants) == queries(tail, marks)
    world.write(title="New")
    assert queries(tail, marks, acme) == queries(tail, marks, acme, *range(10**6, 10**6 + 1_000))


@on_postgresql
def test_look_reads_the_same_rows_however_many_tenants_are_served(
    world: World, acme: int, read: list[int]
) -> None:
    write_many(acme)
    marks = tail(None).marks
    many = range(10**6, 10**6 + 1_000)
    read.clear()
    tail(marks, acme)
    tail(marks, acme, *many)
    assert read == [0, 0]
    world.write(title="New")
    tail(marks, acme)
    tail(marks, acme, *many)
    assert read[2] == read[3] > 0

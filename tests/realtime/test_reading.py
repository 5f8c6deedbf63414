"""What the hub asks of the database."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.models import AccessChange
from permissions.rendering import Ref
from realtime import reading
from realtime.models import Change
from realtime.outbox import outbox
from resources.models import Document, Profile
from tests.realtime.recorded import Recording, stored
from tests.world import World

postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="writers are serial on SQLite"
)


@pytest.fixture
def acme(world: World) -> int:
    return world.tenants["acme"].pk


def pair(world: World, username: str, of: Any = None) -> tuple[int, Ref]:
    of = of or world.document
    return world.user(username).pk, Ref(type(of)._meta.label_lower, of.pk)


def queries(work: Any, *args: Any) -> int:
    with CaptureQueriesContext(connection) as found:
        work(*args)
    return len(found)


# Rounds.


def test_round_reads_revision_touches_and_what_each_pair_sees(world: World, acme: int) -> None:
    applied = accesslog.revision(acme)
    world.revoke("viewer")
    users = ("owner", "editor", "viewer", "member", "rival")
    read = reading.read_round(acme, applied, [pair(world, name) for name in users])
    assert read.revision == accesslog.revision(acme) == applied + 1
    assert read.touches == [Touch(world.user("viewer").pk, "resources.document", world.document.pk)]
    seen = {name: read.seen[pair(world, name)] for name in users}
    assert {name: f and f.seen.audience for name, f in seen.items()} == {
        "owner": "owner",
        "editor": "editor",
        "viewer": None,
        "member": None,
        "rival": None,
    }


def test_round_with_nothing_applied_yet_touches_everything(world: World, acme: int) -> None:
    read = reading.read_round(acme, None, [])
    assert read.touches == [Touch()]
    assert read.seen == {}


def test_round_after_nothing_touches_nothing(world: World, acme: int) -> None:
    assert reading.read_round(acme, accesslog.revision(acme), []).touches == []


def test_round_that_misses_pruned_rows_touches_everything(world: World, acme: int) -> None:
    applied = accesslog.revision(acme)
    world.revoke("viewer")
    world.revoke("editor")
    AccessChange.objects.filter(tenant_id=acme, revision=applied + 1).delete()
    assert reading.read_round(acme, applied, []).touches == [Touch()]


def test_frame_of_a_read_names_what_its_version_changed(world: World, acme: int) -> None:
    with transaction.atomic():
        world.document.body = "B"
        world.document.save()
        world.document.review_notes = "B"
        world.document.save()
    pairs = [pair(world, name) for name in ("viewer", "editor", "admin")]
    seen = reading.read_pairs(acme, pairs)
    changed = [frame.changed for frame in map(seen.get, pairs) if frame]
    assert changed == [
        ("body", "updated_at"),
        ("body", "updated_at", "review_notes"),
        ("id", "title", "status", "owner_name", "created_at"),  # nothing that it sees: all
    ]


def test_readers_of_one_audience_share_one_frame(world: World, acme: int) -> None:
    world.grant("member", "viewer")
    seen = reading.read_pairs(acme, [pair(world, "viewer"), pair(world, "member")])
    assert seen[pair(world, "viewer")] is seen[pair(world, "member")]
    assert seen[pair(world, "viewer")] is not None


def test_reads_cost_the_same_queries_for_one_and_for_fifty_pairs(world: World, acme: int) -> None:
    tenant = world.tenants["acme"]
    new = [Document(tenant=tenant, owner=world.user("owner"), title="A") for _ in range(49)]
    documents = [world.document, *Document.objects.bulk_create(new)]
    assert outbox.flush()
    applied = accesslog.revision(acme) - 1
    one = [pair(world, "owner")]
    fifty = [pair(world, "owner", document) for document in documents]
    reading.read_pairs(acme, one)
    assert queries(reading.read_round, acme, applied, one) == queries(
        reading.read_round, acme, applied, fifty
    )
    assert queries(reading.read_pairs, acme, one) == queries(reading.read_pairs, acme, fifty)
    assert all(reading.read_pairs(acme, fifty).values())


# The tail.


def tail(cursor: int | None, *tenants: int) -> reading.TailReading:
    return reading.read_tail(tenants, cursor)


def test_tail_finds_what_was_written_since_the_last_one(world: World, acme: int) -> None:
    first = tail(None, acme)
    assert (first.changed, first.showing) == ([], set())
    before = world.document.version
    world.document.budget = "5.00"
    world.document.save()
    Document.objects.filter(tenant=acme).update(body="B")
    world.create("globex", "rival")
    found = tail(first.cursor, acme)
    # While a transaction of anybody's in the cluster is open, older rows are read again.
    new = [c for c in found.changed if c.ref == world.ref and c.version > before]
    assert {c.tenant_id for c in found.changed} == {acme}
    assert [(c.tenant_id, c.ref, c.fields) for c in new] == [
        (acme, world.ref, ["budget"]),
        (acme, world.ref, ["body", "updated_at"]),
    ]
    assert found.changed[-1].version == stored(world.document).version
    assert outbox.flush()
    again = tail(found.cursor, acme).changed
    assert again == [c for c in found.changed if c in again]
    assert connection.vendor == "postgresql" or not again


def test_tail_names_the_access_revisions_of_its_tenants(world: World, acme: int) -> None:
    globex = world.tenants["globex"].pk
    found = tail(None, acme, globex, 10**9)
    assert found.revisions == {
        acme: accesslog.revision(acme),
        globex: accesslog.revision(globex),
        10**9: 0,
    }


def test_tail_begins_where_nothing_was_ever_written(transactional_db: None) -> None:
    first = tail(None, 1)
    assert first.changed == tail(first.cursor, 1).changed == []


def test_tail_finds_what_is_shown_in_each_tenant(world: World, acme: int) -> None:
    globex = world.tenants["globex"].pk
    document = world.create("globex", "both")
    assert outbox.flush()
    cursor = tail(None, acme).cursor
    for slug in ("acme", "globex"):
        Profile.objects.filter(tenant=world.tenants[slug]).update(display_name="New")
    found = tail(cursor, acme, globex)
    assert found.showing == {
        (acme, world.ref),
        (globex, Ref("resources.document", document.pk)),
    }


@postgresql
def test_tail_finds_a_transaction_that_began_before_it_and_committed_after_it(
    world: World, acme: int
) -> None:
    """A lower id, and a lower transaction number, may commit after a higher one was read."""
    late = world.create()
    assert outbox.flush()
    began, may_commit = threading.Event(), threading.Event()
    cursor = tail(None, acme).cursor

    def write_slowly() -> None:
        with transaction.atomic():
            late.body = "Late"
            late.save()
            began.set()
            may_commit.wait(10)
        connection.close()

    thread = threading.Thread(target=write_slowly)
    thread.start()
    assert began.wait(10)
    world.document.body = "Early"
    world.document.save()
    first = tail(cursor, acme)
    # Others' transactions may hold the horizon back: then creations of before are read once more.
    assert [c.ref for c in first.changed if c.fields is not None] == [world.ref]
    may_commit.set()
    thread.join()
    second = tail(first.cursor, acme)
    assert Ref("resources.document", late.pk) in {c.ref for c in second.changed}
    assert outbox.flush()
    deadline = time.monotonic() + 10
    last = tail(second.cursor, acme)
    while last.changed and time.monotonic() < deadline:
        last = tail(last.cursor, acme)
    assert last.changed == []


# Repairs.


def test_repaired_change_raises_the_version_and_may_be_of_any_field(
    world: World, acme: int
) -> None:
    recording = Recording(world.document)
    before = stored(world.document)
    assert reading.repair_change(acme, world.ref, before.version, before.version)
    assert recording.shows(None)
    assert stored(world.document).updated_at == before.updated_at


def test_change_is_not_repaired_when_somebody_else_raised_the_version(
    world: World, acme: int
) -> None:
    recording = Recording(world.document)
    older, now = world.document.version - 1, recording.version
    assert not reading.repair_change(acme, world.ref, older, older)
    assert not reading.repair_change(world.tenants["globex"].pk, world.ref, now, now)
    assert recording.shows()


def test_repaired_access_touches_the_user_on_the_object(world: World, acme: int) -> None:
    applied = accesslog.revision(acme)
    user_id = world.user("viewer").pk
    reading.repair_access(acme, user_id, world.ref)
    assert reading.read_round(acme, applied, []).touches == [
        Touch(user_id, "resources.document", world.document.pk)
    ]
    assert AccessChange.objects.latest("pk").cause == "repaired"


def test_change_rows_of_a_pruned_past_make_a_frame_name_every_field(
    world: World, acme: int
) -> None:
    Change.objects.all().delete()
    seen = reading.read_pairs(acme, [pair(world, "admin")])[pair(world, "admin")]
    assert seen is not None
    assert seen.changed == ("id", "title", "status", "owner_name", "created_at")

"""Access changes are numbered by the database, at the commit, whoever writes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from permissions import accesslog
from permissions.models import AccessChange
from realtime.models import Held
from resources.models import Document
from tests.databases import on_postgresql
from tests.permissions.conftest import elsewhere
from tests.world import World

READ = """
SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM (
  SELECT 'earshot_permissions_accesschange'::regclass AS oid UNION
  SELECT indexrelid FROM pg_index WHERE indrelid = 'earshot_permissions_accesschange'::regclass
) AS relations
"""


def entries_read(tenant_id: int, rows: int) -> int:
    """How many entries of table and indexes are read to number this many rows."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM earshot_permissions_accesschange")  # nothing is left of other tests
        with transaction.atomic():
            # A small table may well be read whole; a plan that does is kept by the session.
            cursor.execute("SET LOCAL enable_seqscan = off; DISCARD PLANS")
            AccessChange.objects.bulk_create(
                AccessChange(tenant_id=tenant_id, user_id=number, cause="import")
                for number in range(rows)
            )
            cursor.execute(READ)
            [before] = cursor.fetchone()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as the commit does
            cursor.execute(READ)
            [after] = cursor.fetchone()
    return int(after - before)


@on_postgresql
def test_numbering_at_commit_costs_in_proportion_to_the_rows(world: World) -> None:
    """Each row has its trigger: if each looked for rows without a number, it would pass them all,
    and whoever loses access would wait until a long import has done that."""
    acme = world.tenants["acme"].pk
    few, many = entries_read(acme, 100), entries_read(acme, 400)
    assert few < many < 6 * few


@on_postgresql
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_replicated_access_change_is_numbered_too(world: World, role: str) -> None:
    acme = world.tenants["acme"].pk
    before = accesslog.revision(acme)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {role}")
        AccessChange.objects.create(tenant_id=acme, cause="replicated")
    assert accesslog.revision(acme) == before + 1


def add(tenant_id: int) -> AccessChange:
    return AccessChange.objects.create(tenant_id=tenant_id, cause="added")


@on_postgresql
def test_access_change_after_one_that_a_savepoint_took_back_is_numbered(world: World) -> None:
    """The one that was taken back had queued the numbering for the whole transaction."""
    acme = world.tenants["acme"].pk
    with transaction.atomic():
        with transaction.atomic():
            add(acme)
            transaction.set_rollback(True)
        added = add(acme)
    added.refresh_from_db()
    assert added.revision == accesslog.revision(acme)


@on_postgresql
def test_access_change_after_the_numbering_of_its_transaction_is_numbered_too(
    world: World,
) -> None:
    acme = world.tenants["acme"].pk
    with transaction.atomic():
        add(acme)
        connection.check_constraints()
        added = add(acme)
        assert AccessChange.objects.get(pk=added.pk).revision is None
    added.refresh_from_db()
    assert added.revision == accesslog.revision(acme)


@on_postgresql
def test_many_access_changes_queue_one_numbering(world: World) -> None:
    """Each call costs more than the row."""
    name = "earshot_earshot_permissions_accesschange_number"
    acme = world.tenants["acme"].pk
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL track_functions = 'pl'")
        AccessChange.objects.bulk_create(
            AccessChange(tenant_id=acme, user_id=number, cause="import") for number in range(20)
        )
        add(acme)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT pg_stat_get_xact_function_calls(%s::regproc)", [name])
        assert cursor.fetchone() == (1,)


def ended() -> Held:
    """The interval that ended last."""
    return Held.objects.filter(ended_at__isnull=False).latest("ended_at")


def revoked(world: World) -> tuple[AccessChange, Held]:
    """The latest access change, and the interval that ended with it."""
    world.revoke("viewer")
    return AccessChange.objects.latest("pk"), ended()


@on_postgresql
def test_revision_that_another_transaction_took_is_corrected_at_the_commit(world: World) -> None:
    acme = world.tenants["acme"].pk
    before = accesslog.revision(acme)
    with transaction.atomic():
        change, held = revoked(world)
        assert (change.revision, held.until) == (before + 1, before + 1)
        other = elsewhere(lambda: add(acme))
    for row in (change, held, other):
        row.refresh_from_db()
    assert (other.revision, change.revision, held.until) == (before + 1, before + 2, before + 2)
    assert accesslog.revision(acme) == before + 2


@on_postgresql
def test_what_was_numbered_before_in_the_same_transaction_stays(world: World) -> None:
    acme = world.tenants["acme"].pk
    before = accesslog.revision(acme)
    with transaction.atomic():
        change, held = revoked(world)
        elsewhere(lambda: add(acme))
        connection.check_constraints()
        last = add(acme)
        made = Document.objects.create(
            tenant=world.document.tenant, owner=world.user("owner"), title="Other"
        )
        made.delete()
        gone = ended()
    for row in (change, held, last, gone):
        row.refresh_from_db()
    assert (change.revision, held.until) == (before + 2, before + 2)
    assert (last.revision, gone.until) == (before + 3, before + 3)


@on_postgresql
def test_numbering_leaves_old_rows_of_a_transaction_with_the_same_number(world: World) -> None:
    """A cluster that was restored from a dump numbers its transactions anew."""
    acme = world.tenants["acme"].pk
    before = accesslog.revision(acme)
    old = AccessChange.objects.create(tenant_id=acme, cause="old")
    _, held = revoked(world)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [xid] = cursor.fetchone()
        AccessChange.objects.filter(pk=old.pk).update(xid=xid)
        ago = timezone.now() - timedelta(days=1)
        Held.objects.filter(pk=held.pk).update(ended_xid=xid, ended_at=ago)
        add(acme)
    for row in (old, held):
        row.refresh_from_db()
    assert (old.revision, held.until) == (before + 1, before + 2)

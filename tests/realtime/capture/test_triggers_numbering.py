"""Access changes are numbered by the database, at the commit, whoever writes."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from permissions import accesslog
from permissions.models import AccessChange
from tests.databases import on_postgresql
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

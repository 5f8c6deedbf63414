"""How PostgreSQL gives a transaction's access changes the revision that they make."""

from __future__ import annotations

from typing import Final

from realtime.capture import intervals
from realtime.capture.triggers import ACCESSES, REVISIONS

XID: Final = "pg_current_xact_id()::text::bigint"

# A row is written with the revision that its transaction will make if no other one commits before,
# and so is the end of an interval: writing each of them twice would cost as much again. The trigger
# of the first access change makes the revisions at the commit, with the tenants' rows locked in
# ascending order, and corrects what was expected wrongly. The other rows queue none: that it is
# queued is noted until it runs, in a setting that a savepoint rolls back like its trigger.
# Intervals that begin are not corrected: their revision is no later than the transaction's, which
# is exact enough for who could see something and when.
NUMBERING: Final = "earshot.numbering"
UNLESS_QUEUED: Final = (
    f"CASE WHEN current_setting('{NUMBERING}', true) = pg_current_xact_id()::text THEN false"
    f" ELSE set_config('{NUMBERING}', pg_current_xact_id()::text, true) <> '' END"
)
# By the id, too: a transaction may be numbered several times, and old rows of a cluster that was
# restored from a dump have transactions of the same numbers. In a tenant that this transaction has
# numbered before, it holds the lock, and expects nothing wrongly.
NUMBER: Final = f"""
PERFORM set_config('{NUMBERING}', '', true);
INSERT INTO {REVISIONS} (tenant_id, revision)
  SELECT DISTINCT tenant_id, 1 FROM {ACCESSES} WHERE xid = {XID} AND id >= NEW.id ORDER BY 1
  ON CONFLICT (tenant_id) DO UPDATE SET revision = {REVISIONS}.revision + 1;
UPDATE {ACCESSES} AS change SET revision = current.revision
  FROM {REVISIONS} AS current
  WHERE change.xid = {XID} AND change.id >= NEW.id AND change.tenant_id = current.tenant_id
  AND change.revision IS DISTINCT FROM current.revision;
{{kept}}
RETURN NULL;
"""
NUMBER_KEPT: Final = f"""
UPDATE {{kept}} AS kept SET until = current.revision
  FROM {REVISIONS} AS current
  WHERE kept.ended_xid = {XID} AND kept.ended_at > transaction_timestamp() - interval '1 hour'
  AND kept.tenant_id = current.tenant_id AND kept.until IS DISTINCT FROM current.revision
  AND kept.tenant_id NOT IN (
    SELECT tenant_id FROM {ACCESSES} WHERE xid = {XID} AND id < NEW.id);
"""


def expected(tenant: str) -> str:
    """Return SQL for the revision that this transaction makes in the tenant, if no other commits
    before; null if there is no tenant."""
    return f"CASE WHEN {tenant} IS NOT NULL THEN coalesce({intervals.revision(tenant)}, 0) + 1 END"


def ending(into: str) -> str:
    """Return the assignments by which intervals in this table end."""
    return f"until = {expected(f'{into}.tenant_id')}, ended_xid = {XID}"

"""How PostgreSQL gives a transaction's access changes the revision that they make."""

from __future__ import annotations

from typing import Final

from realtime.capture.triggers import ACCESSES, REVISIONS

# The only unnumbered rows that a transaction sees are its own: the trigger of the first numbers
# them all, with the tenants' revisions locked in ascending order. The other rows queue none: that
# it is queued is noted until it runs, in a setting that a savepoint rolls back like its trigger.
# Intervals that end are numbered alike. Those that begin are not written twice: their revision is
# no later than the transaction's, which is exact enough for who could see something and when.
NUMBERING: Final = "earshot.numbering"
UNLESS_QUEUED: Final = (
    f"CASE WHEN current_setting('{NUMBERING}', true) = pg_current_xact_id()::text THEN false"
    f" ELSE set_config('{NUMBERING}', pg_current_xact_id()::text, true) <> '' END"
)
NUMBER: Final = f"""
PERFORM set_config('{NUMBERING}', '', true);
INSERT INTO {REVISIONS} (tenant_id, revision)
  SELECT DISTINCT tenant_id, 1 FROM {ACCESSES} WHERE revision IS NULL ORDER BY 1
  ON CONFLICT (tenant_id) DO UPDATE SET revision = {REVISIONS}.revision + 1;
UPDATE {ACCESSES} AS change SET revision = current.revision
  FROM {REVISIONS} AS current
  WHERE change.tenant_id = current.tenant_id AND change.revision IS NULL;
{{kept}}
RETURN NULL;
"""
NUMBER_KEPT: Final = f"""
UPDATE {{kept}} AS kept SET until = current.revision
  FROM {REVISIONS} AS current
  WHERE kept.tenant_id = current.tenant_id AND kept.ended_at IS NOT NULL AND kept.until IS NULL;
"""

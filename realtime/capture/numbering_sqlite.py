"""How SQLite gives each access change the revision that it makes."""

from __future__ import annotations

from typing import Final

from realtime.capture.triggers import ACCESSES, REVISIONS

# SQLite has no triggers at commit, and needs none: only one transaction writes at a time. What
# another trigger writes is numbered before it is in the indexes: the same with its number instead.
RAISED: Final = f"""
INSERT INTO {REVISIONS} (tenant_id, revision) VALUES (NEW.tenant_id, 1)
  ON CONFLICT (tenant_id) DO UPDATE SET revision = revision + 1;
"""
NUMBER: Final = f"(SELECT revision FROM {REVISIONS} WHERE tenant_id = NEW.tenant_id)"
NUMBERED: Final = f"{RAISED}UPDATE {ACCESSES} SET revision = {NUMBER} WHERE id = NEW.id;"
UNNUMBERED: Final = 0
"""What a trigger writes in the place of the number."""

LOGGED: Final = ("tenant_id", "user_id", "model", "object_id", "cause", "at")
LOG: Final = f"INSERT INTO {ACCESSES} (revision, {', '.join(LOGGED)}) SELECT {UNNUMBERED},"
INSTEAD: Final = f"""{RAISED}
INSERT INTO {ACCESSES} (revision, {", ".join(LOGGED)})
  VALUES ({NUMBER}, {", ".join(f"NEW.{column}" for column in LOGGED)});
SELECT RAISE(IGNORE);
"""

"""How SQLite gives each access change the revision that it makes."""

from __future__ import annotations

from typing import Final

from realtime.capture.triggers import ACCESSES, REVISIONS

# SQLite has no triggers at commit, and needs none: only one transaction writes at a time. What
# another trigger writes is numbered before it is in the indexes: the same with its number instead.
RAISED: Final = f"""
INSERT INTO {REVISIONS} (tenant_id, revision) VALUES ({{0}}, 1)
  ON CONFLICT (tenant_id) DO UPDATE SET revision = revision + 1;
"""
NUMBER: Final = f"(SELECT revision FROM {REVISIONS} WHERE tenant_id = {{0}})"
RAISE: Final = RAISED.format("NEW.tenant_id")
NUMBERED: Final = (
    f"{RAISE}UPDATE {ACCESSES} SET revision = {NUMBER.format('NEW.tenant_id')} WHERE id = NEW.id;"
)
UNNUMBERED: Final = 0
"""What a trigger writes in the place of the number."""

LOGGED: Final = ("tenant_id", "user_id", "model", "object_id", "cause", "at")
LOG: Final = f"INSERT INTO {ACCESSES} (revision, {', '.join(LOGGED)}) SELECT {UNNUMBERED},"
INSTEAD: Final = f"""{RAISE}
INSERT INTO {ACCESSES} (revision, {", ".join(LOGGED)})
  VALUES ({NUMBER.format("NEW.tenant_id")}, {", ".join(f"NEW.{column}" for column in LOGGED)});
SELECT RAISE(IGNORE);
"""


def logged(tenant: str, *values: str) -> str:
    """Return the statements that log these values of one row, with its number: faster than to log
    it without one, where nothing but the trigger's condition decides whether it is logged."""
    return (
        f"{RAISED.format(tenant)}INSERT INTO {ACCESSES} (revision, {', '.join(LOGGED)})"
        f" VALUES ({', '.join([NUMBER.format(tenant), tenant, *values])});"
    )

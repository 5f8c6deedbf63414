"""The triggers for SQLite of objects whose versions are beside their rows: see
`beside_postgresql`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from realtime.capture import intervals
from realtime.capture.intervals_sqlite import begins
from realtime.capture.live import Live
from realtime.capture.parts_sqlite import (
    CHANGE,
    IN_ONE,
    LAST,
    XID,
    accesses,
    deleted,
    fires,
    logs,
    names_of_fields,
    names_of_row,
)
from realtime.capture.sqlite import differ, trigger
from realtime.capture.triggers import CHANGES, VERSIONS, Trigger, literal

# Not by ON CONFLICT: whoever writes OR REPLACE has the statements of triggers replace, too.
CREATED: Final = f"""
DELETE FROM {VERSIONS} WHERE {{of}};
INSERT INTO {VERSIONS} (model, object_id, version) VALUES ({{label}}, {{key}}, ({LAST}));
UPDATE {CHANGES} SET version = id WHERE id = ({LAST}) AND version = 0 AND {{of}};
"""
COUNTED: Final = f"""
INSERT INTO {VERSIONS} (model, object_id, version)
  SELECT {{label}}, {{key}}, 0 WHERE NOT EXISTS (SELECT 1 FROM {VERSIONS} WHERE {{of}});
UPDATE {VERSIONS} SET version = version + 1 WHERE {{of}};
"""


def triggers(live: Live) -> Iterator[Trigger]:
    """Yield the triggers of the table, but those for the rows that others replace."""
    needs, table = [*logs(live), VERSIONS], live.table
    renamed = differ([live.key])
    gone = deleted(live) + f"\nDELETE FROM {VERSIONS} WHERE {of(live, 'OLD')};"
    began = "\n".join(_began(live))
    yield trigger(table, "live", "INSERT", _created(live) + began, needs=needs)
    yield trigger(table, "live", "DELETE", gone, needs=needs)
    body = f"{gone}\n{_created(live)}{began}"
    yield trigger(table, "renamed", "UPDATE", body, when=renamed, needs=needs)
    for what, columns, body in (*accesses(live), ("changed", live.compared, _changed(live))):
        when = f"{differ(columns)} AND NOT {renamed}"
        yield trigger(table, what, "UPDATE", body, when=when, of=fires(live, columns), needs=needs)


def of(live: Live, side: str) -> str:
    """Return the condition of the row that has the version of this object."""
    return f"model = {literal(live.label)} AND object_id = {live.logged(side)}"


def _log(live: Live) -> str:
    return IN_ONE if live.tenancy.nullable else CHANGE


def _created(live: Live) -> str:
    names = names_of_row(live, "NEW")
    creation = _log(live).format(version=0, creation=1, fields="NULL", xid=XID, **names)
    return f"{creation}{CREATED.format(of=of(live, 'NEW'), **names)}"


def _began(live: Live) -> Iterator[str]:
    since = f"coalesce({intervals.revision(names_of_row(live, 'NEW')['tenant'])}, 0)"
    for kept in live.kept.values():
        yield begins(kept, "NEW", intervals.CREATED, since)


def _changed(live: Live) -> str:
    names, mine = names_of_row(live, "NEW"), of(live, "NEW")
    version = f"(SELECT version FROM {VERSIONS} WHERE {mine})"
    change = _log(live).format(
        version=version, creation=0, fields=names_of_fields(live), xid=f"-{version}", **names
    )
    return f"{COUNTED.format(of=mine, **names)}{change}"

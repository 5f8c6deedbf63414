"""Gives a version to rows of live tables that were written while there were no triggers."""

from __future__ import annotations

from collections.abc import Iterator

from realtime.capture.live import Live
from realtime.capture.triggers import CHANGES, literal, quoted


def statements(live: Live, xid: str, now: str) -> Iterator[str]:
    """Yield statements that record a creation for each unversioned row, and give it its id."""
    table, version = map(quoted, (live.table, live.version))
    label = literal(live.label)
    yield (
        f"INSERT INTO {CHANGES} (tenant_id, model, object_id, version, creation, xid, at)"
        f" SELECT {quoted(live.tenant)}, {label}, {live.logged(table)}, 0, true, {xid}, {now}"
        f" FROM {table} WHERE {version} = 0"
    )
    yield f"UPDATE {CHANGES} SET version = id WHERE version = 0 AND creation AND model = {label}"
    yield (
        f"UPDATE {table} SET {version} = (SELECT max(c.id) FROM {CHANGES} c"
        f" WHERE c.model = {label} AND c.object_id = {live.logged(table)} AND c.creation)"
        f" WHERE {version} = 0"
    )

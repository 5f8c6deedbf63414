"""Gives a version to rows of live tables that were written while there were no triggers."""

from __future__ import annotations

from collections.abc import Iterator

from realtime.capture.live import Live
from realtime.capture.triggers import CHANGES, VERSIONS, literal, quoted


def statements(live: Live, xid: str, now: str) -> Iterator[str]:
    """Yield statements that record a creation for each unversioned row, and give it its id.

    An object whose version would be beside it has the version 0; versions that are left of objects
    deleted meanwhile are deleted.
    """
    table, version = map(quoted, (live.table, live.version))
    label = literal(live.label)
    if live.beside:
        yield (
            f"DELETE FROM {VERSIONS} WHERE model = {label} AND NOT EXISTS (SELECT 1 FROM {table}"
            f" WHERE {live.logged(table)} = {VERSIONS}.object_id)"
        )
        return
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

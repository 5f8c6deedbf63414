"""What the triggers of live tables are made of, for SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from realtime.capture import intervals, numbering_sqlite
from realtime.capture.intervals_sqlite import NOW, begins, ends
from realtime.capture.live import DELETED, HELD, MOVED, VISIBILITY, Live
from realtime.capture.sqlite import differ
from realtime.capture.triggers import ACCESSES, CHANGES, TENANTS, literal, quoted, stays

XID: Final = "0"
"""Stands for no transaction. A creation is still the only one of its key, and a change below the
only one of its (negative) version; Django's connections put their transaction's number here."""

TOGETHER: Final = 3
"""So many fields are passed over together if none of them differs."""

LAST: Final = f"SELECT max(id) FROM {CHANGES}"
"""The id of the latest change, of whichever row."""

LOG: Final = (
    f"INSERT INTO {CHANGES} (tenant_id, model, object_id, version, creation, fields, xid, at)"
)
CHANGE: Final = (
    LOG + " VALUES ({tenant}, {label}, {key}, {version}, {creation}, {fields}, {xid}, " + NOW + ");"
)
IN_ONE: Final = (
    LOG + " SELECT {tenant}, {label}, {key}, {version}, {creation}, {fields}, {xid}, "
    f"{NOW} WHERE {{tenant}} IS NOT NULL;"
)
"""The same, unless the object is in no tenant."""


def logs(live: Live) -> list[str]:
    """Return the tables that the triggers of this one write."""
    held = [intervals.HELD] if live.kept else []
    return [CHANGES, ACCESSES, TENANTS, *live.tenancy.tables, *held]


def deleted(live: Live) -> str:
    """Return the statements that record that the old row is gone, of whatever tenant, if any."""
    return f"{_access(live, DELETED, ['OLD'])}{_ended(live, DELETED)}"


def names_of_fields(live: Live) -> str:
    """Return SQL for the names of the fields that differ.

    A few at a time are passed over together: nearly all are as they were, and each that is looked
    at by itself is joined to the others.
    """
    sources = dict(live.stamps)
    named = [
        (differ(sources.get(column, [column])), f"',\"{field}\"'") for column, field in live.fields
    ]
    some = [named[start : start + TOGETHER] for start in range(0, len(named), TOGETHER)]
    return f"'[' || substr({' || '.join(map(_names, some))}, 2) || ']'"


def _names(named: Sequence[tuple[str, str]]) -> str:
    differs = " OR ".join(differs for differs, _ in named)
    names = " || ".join(f"CASE WHEN {differs} THEN {name} ELSE '' END" for differs, name in named)
    return f"CASE WHEN {differs} THEN {names} ELSE '' END"


def fires(live: Live, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns by a write of which a trigger fires for a change of these; empty: by any,
    as nobody writes what the database computes."""
    return () if {*columns} & dict(live.generated).keys() else columns


def accesses(live: Live) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the access changes of an update: of holders, of visibility and of the tenant."""
    for column in live.holders:
        body = _access(live, HELD, ["OLD", "NEW"], user=column)
        kept = live.kept[column]
        body += f"\n{ends(kept, 'OLD', HELD)}\n{begins(kept, 'NEW', HELD)}"
        yield f"held_{column}", (column,), body
    if live.visible:
        yield "visible", live.visible, _access(live, VISIBILITY, ["NEW"])
    if live.moves:
        yield "moved", live.tenancy.columns, _access(live, MOVED, ["OLD", "NEW"]) + _moved(live)


def _moved(live: Live) -> str:
    """Return the statements that let the intervals of holders go on in the other tenant."""
    return "".join(
        f"\n{ends(kept, 'OLD', MOVED)}\n{begins(kept, 'NEW', MOVED)}" for kept in live.kept.values()
    )


def lost(live: Live) -> tuple[str, str]:
    """Return the statements that record that the old row of a tenant is gone, and the condition
    under which anybody is told."""
    row = ("NULL", literal(live.label), live.logged("OLD"), literal(DELETED), NOW)
    tenant = live.of("OLD")
    return f"{numbering_sqlite.logged(tenant, *row)}{_ended(live, DELETED)}", stays(tenant)


def _ended(live: Live, cause: str) -> str:
    """Return the statements that end the intervals of the users whom the holders' columns named."""
    return "".join(f"\n{ends(kept, 'OLD', cause)}" for kept in live.kept.values())


def _access(live: Live, cause: str, sides: Iterable[str], *, user: str = "") -> str:
    return "\n".join(
        f"{numbering_sqlite.LOG} {live.of(side)}, {f'{side}.{quoted(user)}' if user else 'NULL'},"
        f" {literal(live.label)}, {live.logged(side)}, {literal(cause)}, {NOW}"
        f" WHERE {live.of(side)} IS NOT NULL AND {stays(live.of(side))};"
        for side in sides
    )


def names_of_row(live: Live, side: str) -> dict[str, str]:
    """Return SQL for what a log says of a row."""
    return {
        "tenant": live.of(side),
        "key": live.logged(side),
        "label": literal(live.label),
    }

"""How SQLite begins and ends the intervals of a row, in the fewest steps for each."""

from __future__ import annotations

import re
from typing import Final

from realtime.capture import intervals
from realtime.capture.intervals import Kept
from realtime.capture.triggers import literal, quoted, stays

MILLISECONDS: Final = (
    "CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS integer) % 1000"  # whole since 1970
)
NOW: Final = (
    f"(datetime('now') || coalesce('.' || substr(1000000 + nullif({MILLISECONDS}, 0) * 1000, 2),"
    " ''))"
)
"""The text that Django writes for the same time: times are compared as texts, and it leaves out a
fraction of nothing. `strftime` takes twice as long, once or twice for each written row."""
USED: Final = re.compile(r'\br\.(?:"([^"]+)"|(\w+))')
"""The columns of the row that a statement names."""

ALIAS: Final = re.compile(rf" AS (?:{'|'.join(intervals.OF_HELD + intervals.OF_BELONGS)})(?=,|$)")
"""What only a SELECT may say of its columns."""


def until(kept: Kept) -> str:
    """Return the assignment of the revision with which intervals end."""
    return f"until = {intervals.revision(f'{kept.into}.tenant_id')}"


def ends(kept: Kept, side: str, cause: str) -> str:
    """Return the statement that ends the interval of OLD, or those of the rows that name it.

    A row has one. It is named by its own key: SQLite notes all rows first, in a table that it
    makes, if the index by which it finds them changes.
    """
    if kept.named_by:
        return intervals.ends(kept, side, cause, NOW, until(kept))
    one = intervals.is_open(kept, f"= {intervals.key_of(kept, side)}", "o")
    found = f"SELECT o.id FROM {kept.into} o WHERE {one}"
    return f"{intervals.ended(kept, cause, NOW, until(kept))}\nWHERE id = ({found});"


def begins(kept: Kept, side: str, cause: str, since: str = "", *, decided: bool = False) -> str:
    """Return the statement that begins the interval of NEW, or those of the rows that name it.

    `since` is their revision, by default the tenant's. `decided`: the trigger's own condition has
    found that it begins. What needs nothing but the row is written without subselects, and at best
    without a SELECT, which SQLite runs as a routine of its own and may keep in a table first.
    """
    if kept.named_by or not kept.tenant:
        now = since or intervals.revision("b.tenant_id")
        return intervals.begins(kept, side, cause, NOW, now)
    what, where = kept.begins.removeprefix("SELECT ").split(" FROM {row} r WHERE ")
    conditions = [where, stays(kept.tenant)]
    if kept.tenant == intervals.NO_TENANT:
        since, conditions = "NULL", conditions[:1]
    since = since or intervals.revision(kept.tenant)
    conditions = [each for each in conditions if not (decided or each == intervals.ALWAYS)]
    row = f"{ALIAS.sub('', what)}, {literal(kept.source)}, {since}, {NOW}, {literal(cause)}, ''"
    row = f"SELECT {row} WHERE {' AND '.join(conditions)}" if conditions else f"VALUES ({row})"
    into = f"{', '.join(intervals.COLUMNS[kept.into])}, source, since, began_at, began, ended"
    return f"INSERT INTO {kept.into} ({into})\n{of_side(row, side)};"


def of_side(statement: str, side: str) -> str:
    """Return the statement with the columns of NEW or OLD for those of the row."""
    return USED.sub(lambda found: f"{side}.{quoted(found[1] or found[2])}", statement)

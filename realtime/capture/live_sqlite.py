"""The triggers of live tables, and of tables that others show, for SQLite.

No trigger here can change the row before it is written, so one that runs after the write sets the
version by an update. That update fires none of these triggers, even on a connection with recursive
triggers. What is seldom needed has a trigger of its own: an INSERT … SELECT under a condition takes
three times as long as an INSERT … VALUES, even where the condition is false.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from realtime.capture import beside_sqlite, intervals, numbering_sqlite
from realtime.capture.intervals_sqlite import NOW, begins, ends
from realtime.capture.live import Live, Shown
from realtime.capture.parts_sqlite import (
    CHANGE,
    LAST,
    LOG,
    XID,
    accesses,
    fires,
    logs,
    lost,
    names_of_fields,
    names_of_row,
)
from realtime.capture.sqlite import differ, gone, in_the_way, there, trigger
from realtime.capture.triggers import (
    ACCESSES,
    CHANGES,
    TENANTS,
    Trigger,
    literal,
    quoted,
    stays,
)

REPLACED: Final = "replaced"


def triggers(lives: Iterable[Live], shown: Iterable[Shown]) -> Iterator[Trigger]:
    """Yield the triggers of these tables."""
    for live in lives:
        if live.beside:
            yield from beside_sqlite.triggers(live)
            yield from _replaced(live)
            continue
        table, needs = live.table, logs(live)
        yield trigger(table, "live", "INSERT", _inserted(live), needs=needs)
        yield trigger(table, "live", "UPDATE", _updated(live), when=_is_change(live), needs=needs)
        # The newest runs first: with recursive triggers, the one above must find the change.
        for what, columns, body in (*accesses(live), ("changed", live.compared, _changed(live))):
            when = differ(columns)
            yield trigger(
                table, what, "UPDATE", body, when=when, of=fires(live, columns), needs=needs
            )
        body, told = lost(live)
        yield trigger(table, "live", "DELETE", body, when=told, needs=needs)
        for column, kept in live.kept.items():
            since = f"coalesce({intervals.revision(live.of('NEW'))}, 0)"
            # Of an object that this one replaced.
            ended = ends(kept, "NEW", REPLACED)
            begun = begins(kept, "NEW", intervals.CREATED, since, decided=True)
            when = f"NEW.{quoted(column)} IS NOT NULL AND {stays(live.of('NEW'))}"
            body = f"{ended}\n{begun}"
            yield trigger(table, f"began_{column}", "INSERT", body, when=when, needs=needs)
            when = f"NOT ({when})"
            yield trigger(table, f"ended_{column}", "INSERT", ended, when=when, needs=needs)
        yield from _replaced(live)
    for table_shown in shown:
        yield from _notes(table_shown)


def _inserted(live: Live) -> str:
    """Return the statements that make the id of the creation's change the first version."""
    names = names_of_row(live, "NEW")
    creation = CHANGE.format(version=0, creation=1, fields="NULL", xid=XID, **names)
    return f"""
{creation}
UPDATE {quoted(live.table)} SET {quoted(live.version)} = ({LAST})
  WHERE {quoted(live.key)} = NEW.{quoted(live.key)};
UPDATE {CHANGES} SET version = id WHERE id = ({LAST});
"""


def _is_change(live: Live) -> str:
    """Return the condition that an update is more than a version which is kept as written.

    Such a version is one higher, by which rows are raised that show another row, or the id of its
    own change: of the creation under way, or above all that the row ever had. The update that gives
    a recorded change's version and stamps to its row does not count either.
    """
    new, old = (f"{side}.{quoted(live.version)}" for side in ("NEW", "OLD"))
    stamps = differ([stamp for stamp, _ in live.stamps]) if live.stamps else "0"
    mine = f"c.model = {literal(live.label)} AND c.object_id = {live.logged('NEW')}"
    return f"""{differ((*live.compared, live.key, live.tenant))} OR (
  {stamps} OR {new} NOT IN ({old}, {old} + 1) AND NOT EXISTS (
    SELECT 1 FROM {CHANGES} c WHERE c.id = {new}
      AND (c.version = 0 AND c.creation OR c.version = c.id AND {new} > {old}) AND {mine})
) AND NOT ({new} = {old} + 1 AND EXISTS (
  SELECT 1 FROM {CHANGES} c WHERE c.version = {new} AND {mine}))"""


def _updated(live: Live) -> str:
    """Return the statements that set the next version, and the stamps whose columns changed."""
    fixed = [live.key, live.tenant] if live.keeps_tenant else [live.key]
    version = quoted(live.version)
    stamps = "".join(
        f", {quoted(stamp)} = CASE WHEN {differ(sources)} THEN {NOW} ELSE OLD.{quoted(stamp)} END"
        for stamp, sources in live.stamps
    )
    message = f"{live.label} keeps its key and its tenant; create another object instead."
    return f"""
SELECT RAISE(ABORT, {literal(message)}) WHERE {differ(fixed)};
UPDATE {quoted(live.table)} SET {version} = OLD.{version} + {differ(live.compared)}{stamps}
  WHERE {quoted(live.key)} = NEW.{quoted(live.key)};
"""


def _changed(live: Live) -> str:
    """Return the statement that records the change, with the names of the fields that differ."""
    version = f"OLD.{quoted(live.version)} + 1"
    return CHANGE.format(
        version=version,
        creation=0,
        fields=names_of_fields(live),
        xid=f"-({version})",
        **names_of_row(live, "NEW"),
    )


def _replaced(live: Live) -> Iterator[Trigger]:
    """Yield triggers for what OR REPLACE deletes: no other trigger fires for those rows.

    They fire for rows that are ignored or updated instead, too: versions must stay. One that is
    left of an object that is gone is replaced with the next one of its key.
    """
    for event, where, when in in_the_way(live.key, live.unique):
        if event == "UPDATE" and not (live.unique or live.beside):
            continue  # its key stays
        log = f"""
{numbering_sqlite.LOG}
  {live.of("x")}, NULL, {literal(live.label)}, {live.logged("x")},
    {literal(REPLACED)}, {NOW} FROM {quoted(live.table)} x
  WHERE ({where}) AND {live.of("x")} IS NOT NULL AND {stays(live.of("x"))};
"""
        needs = [ACCESSES, TENANTS, *live.tenancy.tables]
        when = there(live.table, where, when)
        yield trigger(live.table, "replaced", event, log, when=when, time="BEFORE", needs=needs)
    if live.kept:
        needs, kept = [ACCESSES, TENANTS, intervals.HELD], list(live.kept.values())
        yield from gone(live.table, "gone", REPLACED, live.key, live.unique, kept, needs)


def _notes(shown: Shown) -> Iterator[Trigger]:
    """Yield the triggers that note the row as it was, to find what showed it after the commit."""
    was, needs = _was(shown, "OLD"), [CHANGES, TENANTS]
    noted = [("DELETE", "OLD", was, "")]
    if shown.created:
        noted.append(("INSERT", "NEW", "NULL", ""))
    if shown.watched:
        noted.append(("UPDATE", "NEW", was, differ(shown.watched)))
    for event, side, fields, when in noted:
        note = f"{_note(shown, side, fields)} WHERE {stays(_tenant(shown, side))};"
        yield trigger(shown.table, "shown", event, note, when=when, needs=needs)
    for event, where, when in in_the_way(shown.key, shown.unique):
        note = f"{_note(shown, 'x', _was(shown, 'x'))} FROM {quoted(shown.table)} x"
        note += f" WHERE ({where}) AND {stays(_tenant(shown, 'x'))};"
        when = there(shown.table, where, when)
        yield trigger(
            shown.table, "shown_replaced", event, note, when=when, time="BEFORE", needs=needs
        )


def _was(shown: Shown, side: str) -> str:
    kept = ", ".join(f"{literal(column)}, {side}.{quoted(column)}" for column in shown.kept)
    return f"json_object('was', json_object({kept}))"


def _tenant(shown: Shown, side: str) -> str:
    return f"{side}.{quoted(shown.tenant)}" if shown.tenant else "0"


def _note(shown: Shown, side: str, fields: str) -> str:
    tenant, key = _tenant(shown, side), shown.logged(side)
    return f"{LOG} SELECT {tenant}, {literal(shown.label)}, {key}, 0, 0, {fields}, random(), {NOW}"

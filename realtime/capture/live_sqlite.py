"""The triggers of live tables, and of tables that others show, for SQLite.

There are only triggers after the write that can change the row: the version is set by an update
inside. It fires none of them again, also where a connection has triggers that recurse. What is
seldom needed has a trigger of its own, since an INSERT that selects under a condition takes three
times as long as one of VALUES, also where the condition is false.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from realtime.capture import intervals
from realtime.capture.live import DELETED, HELD, MOVED, VISIBILITY, Live, Shown
from realtime.capture.sqlite import NOW, differ, in_the_way, trigger, until
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
XID: Final = "0"
"""A creation is the only one of its key, and a change below the only one with its version, which is
negative there; a connection of Django's gives all changes of a transaction another number."""

LAST: Final = f"SELECT max(id) FROM {CHANGES}"
"""The last change, in the place of whichever row it was written."""

LOG: Final = (
    f"INSERT INTO {CHANGES} (tenant_id, model, object_id, version, creation, fields, xid, at)"
)
CHANGE: Final = (
    LOG + " VALUES ({tenant}, {label}, {key}, {version}, {creation}, {fields}, {xid}, " + NOW + ");"
)


def triggers(lives: Iterable[Live], shown: Iterable[Shown]) -> Iterator[Trigger]:
    """The triggers of these tables."""
    for live in lives:
        logs = [CHANGES, ACCESSES, TENANTS, *([intervals.HELD] if live.kept else [])]
        table, deleted = live.table, f"{_access(live, DELETED, ['OLD'])}{_ended(live, DELETED)}"
        yield trigger(table, "live", "INSERT", _inserted(live), needs=logs)
        yield trigger(table, "live", "UPDATE", _updated(live), when=_is_change(live), needs=logs)
        # The newest runs first: where triggers recurse, the one above must find the change.
        for what, columns, body in (*_accesses(live), ("changed", live.compared, _changed(live))):
            when = differ(columns)
            yield trigger(table, what, "UPDATE", body, when=when, of=columns, needs=logs)
        yield trigger(table, "live", "DELETE", deleted, needs=logs)
        for column, kept in live.kept.items():
            since = f"coalesce({intervals.revision(f'NEW.{quoted(live.tenant)}')}, 0)"
            begun = intervals.ends(kept, "NEW", REPLACED, NOW, until(kept))
            begun += "\n" + intervals.begins(kept, "NEW", intervals.CREATED, NOW, since)
            when = f"NEW.{quoted(column)} IS NOT NULL"
            yield trigger(table, f"began_{column}", "INSERT", begun, when=when, needs=logs)
        yield from _replaced(live)
    for table_shown in shown:
        yield from _notes(table_shown)


def _inserted(live: Live) -> str:
    """The object's first version is the id of its creation's change."""
    names = _names(live, "NEW")
    creation = CHANGE.format(version=0, creation=1, fields="NULL", xid=XID, **names)
    return f"""
{creation}
UPDATE {quoted(live.table)} SET {quoted(live.version)} = ({LAST})
  WHERE {quoted(live.key)} = {names["key"]};
UPDATE {CHANGES} SET version = id WHERE id = ({LAST});
"""


def _is_change(live: Live) -> str:
    """Whether an update is more than a version that stays as it is.

    That is one raised by one, by which those are raised that show another row, and the id of its
    own change: of the creation under way, or above all that the row ever had. Nor is it the update
    by which a change that was just recorded gets its version and its stamps.
    """
    new, old = (f"{side}.{quoted(live.version)}" for side in ("NEW", "OLD"))
    stamps = differ([stamp for stamp, _ in live.stamps]) if live.stamps else "0"
    mine = f"c.model = {literal(live.label)} AND c.object_id = NEW.{quoted(live.key)}"
    return f"""{differ((*live.compared, live.key, live.tenant))} OR (
  {stamps} OR {new} NOT IN ({old}, {old} + 1) AND NOT EXISTS (
    SELECT 1 FROM {CHANGES} c WHERE c.id = {new}
      AND (c.version = 0 AND c.creation OR c.version = c.id AND {new} > {old}) AND {mine})
) AND NOT ({new} = {old} + 1 AND EXISTS (
  SELECT 1 FROM {CHANGES} c WHERE c.version = {new} AND {mine}))"""


def _updated(live: Live) -> str:
    """The row's next version, and its stamps, which move only with what they stand for."""
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
    """The change, with the names of the fields that differ."""
    sources = dict(live.stamps)
    names = " || ".join(
        f"CASE WHEN {differ(sources.get(column, [column]))} THEN ',\"{field}\"' ELSE '' END"
        for column, field in live.fields
    )
    version = f"OLD.{quoted(live.version)} + 1"
    return CHANGE.format(
        version=version,
        creation=0,
        fields=f"'[' || substr({names}, 2) || ']'",
        xid=f"-({version})",
        **_names(live, "NEW"),
    )


def _accesses(live: Live) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """The access changes that an update is: who is named, what is shown, and where it is."""
    for column in live.holders:
        body = _access(live, HELD, ["OLD", "NEW"], user=column)
        if kept := live.kept.get(column):
            body += f"\n{intervals.ends(kept, 'OLD', HELD, NOW, until(kept))}"
            now = intervals.revision("b.tenant_id")
            body += f"\n{intervals.begins(kept, 'NEW', HELD, NOW, now)}"
        yield f"held_{column}", (column,), body
    if live.visible:
        yield "visible", live.visible, _access(live, VISIBILITY, ["NEW"])
    if not live.keeps_tenant:
        yield "moved", (live.tenant,), _access(live, MOVED, ["OLD", "NEW"])


def _ended(live: Live, cause: str) -> str:
    """The ends of the intervals of who was named."""
    ends = (intervals.ends(k, "OLD", cause, NOW, until(k)) for k in live.kept.values())
    return "".join(f"\n{each}" for each in ends)


def _access(live: Live, cause: str, sides: Iterable[str], *, user: str = "") -> str:
    return "\n".join(
        f"INSERT INTO {ACCESSES} (tenant_id, user_id, model, object_id, cause, at)"
        f" SELECT {side}.{quoted(live.tenant)}, {f'{side}.{quoted(user)}' if user else 'NULL'},"
        f" {literal(live.label)}, {side}.{quoted(live.key)}, {literal(cause)}, {NOW}"
        f" WHERE {stays(f'{side}.{quoted(live.tenant)}')};"
        for side in sides
    )


def _replaced(live: Live) -> Iterator[Trigger]:
    """INSERT and UPDATE OR REPLACE delete what is in their way, and no trigger fires for that."""
    for event, where, when in in_the_way(live.key, live.unique):
        if event == "UPDATE" and not live.unique:
            continue  # it keeps its key
        log = f"""
INSERT INTO {ACCESSES} (tenant_id, user_id, model, object_id, cause, at)
  SELECT x.{quoted(live.tenant)}, NULL, {literal(live.label)}, x.{quoted(live.key)},
    {literal(REPLACED)}, {NOW} FROM {quoted(live.table)} x
  WHERE ({where}) AND {stays(f"x.{quoted(live.tenant)}")};
"""
        needs = [ACCESSES, TENANTS]
        yield trigger(live.table, "replaced", event, log, when=when, time="BEFORE", needs=needs)


def _notes(shown: Shown) -> Iterator[Trigger]:
    """Changes of version 0 with the row as it was: what showed it is found after the commit."""
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
        yield trigger(
            shown.table, "shown_replaced", event, note, when=when, time="BEFORE", needs=needs
        )


def _was(shown: Shown, side: str) -> str:
    kept = ", ".join(f"{literal(column)}, {side}.{quoted(column)}" for column in shown.kept)
    return f"json_object('was', json_object({kept}))"


def _tenant(shown: Shown, side: str) -> str:
    return f"{side}.{quoted(shown.tenant)}" if shown.tenant else "0"


def _note(shown: Shown, side: str, fields: str) -> str:
    tenant, key = _tenant(shown, side), f"{side}.{quoted(shown.key)}"
    return f"{LOG} SELECT {tenant}, {literal(shown.label)}, {key}, 0, 0, {fields}, random(), {NOW}"


def _names(live: Live, side: str) -> dict[str, str]:
    return {
        "tenant": f"{side}.{quoted(live.tenant)}",
        "key": f"{side}.{quoted(live.key)}",
        "label": literal(live.label),
    }

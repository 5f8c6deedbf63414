"""The triggers for SQLite: one for each event, which runs after the row is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from realtime.capture import intervals, joining
from realtime.capture.intervals import Kept
from realtime.capture.intervals_sqlite import NOW, USED, begins, ends, until
from realtime.capture.numbering_sqlite import INSTEAD, LOG, NUMBERED, UNNUMBERED
from realtime.capture.tables import Access
from realtime.capture.triggers import (
    ACCESSES,
    REVISIONS,
    TENANTS,
    Trigger,
    literal,
    named,
    quoted,
    stays,
)
from tenants.keys import logged

SIDES: Final = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
INSTALLED: Final = r"""
SELECT tbl_name, name, sql FROM sqlite_master
WHERE type = 'trigger' AND name LIKE 'earshot\_%' ESCAPE '\'
"""


def trigger(
    table: str,
    what: str,
    event: str,
    body: str,
    *,
    when: str = "",
    of: Iterable[str] = (),
    time: str = "AFTER",
    needs: Iterable[str] = (),
) -> Trigger:
    """Return a trigger for one event, which runs under the condition `when`.

    With columns `of`, it is not even considered by an update that sets none of them. The key may
    not be among these, since it can be set by other names (`rowid`).
    """
    name = named(table, f"{what}_{event.lower()}")
    condition = f" WHEN {when}" if when else ""
    columns = f" OF {', '.join(map(quoted, of))}" if of else ""
    source = (
        f"CREATE TRIGGER {quoted(name)} {time} {event}{columns} ON {quoted(table)}"
        f" FOR EACH ROW{condition} BEGIN\n{body.strip()}\nEND"
    )
    statements = (f"DROP TRIGGER IF EXISTS {quoted(name)}", source)
    events = frozenset({"REPLACE" if time == "BEFORE" else event})
    return Trigger(name, table, source, statements, frozenset({table, *needs}), events)


def notifying() -> Iterator[Trigger]:
    """Yield nothing: nobody can listen to a file."""
    yield from ()


def summing() -> Iterator[Trigger]:
    """Yield nothing: each row has its own revision, and who is far behind evaluates everything."""
    yield from ()


def numbering() -> Iterator[Trigger]:
    """Yield the triggers that give access changes their revision."""
    needs = [REVISIONS]
    yield trigger(ACCESSES, "number", "INSERT", NUMBERED, when="NEW.revision IS NULL", needs=needs)
    when = f"NEW.revision = {UNNUMBERED}"
    yield trigger(ACCESSES, "instead", "INSERT", INSTEAD, when=when, time="BEFORE", needs=needs)


def differ(names: Iterable[str], new: str = "NEW", old: str = "OLD") -> str:
    """Return the condition that columns differ, byte by byte."""
    pairs = (f"{new}.{quoted(name)} COLLATE BINARY IS NOT {old}.{quoted(name)}" for name in names)
    return f"({' OR '.join(pairs)})"


def accesses(watched: Iterable[Access]) -> Iterator[Trigger]:
    """Yield the triggers of the tables that decide who may see."""
    for access in watched:
        conditions = _conditions(access)
        for event in access.written:
            sides = SIDES["DELETE" if access.until else event]
            touches = " UNION ".join(_of_row(access.touch, side) for side in sides)
            log = _log(touches, access) if event in access.events else ""
            body = f"{log}\n{access.also.get(event, '')}"
            body += _kept(access).get(event, "")
            when = conditions.get(event, "")
            needs = [*access.needs, TENANTS]
            yield trigger(access.table, access.what, event, body, when=when, needs=needs)
        yield from _replaced(access)


def joining_everybody() -> Iterator[Trigger]:
    """Yield the triggers that make users members of the tenant of everybody."""
    if joining.is_needed():
        for event, body in joining.bodies(NOW):
            yield trigger(joining.table(), "everybody", event, body, needs=joining.NEEDS)


def _conditions(access: Access) -> dict[str, str]:
    """Return, by event, the condition under which it counts; an absent event always does."""
    counts = _moves(access, "OLD")
    if access.kept:  # its key identifies its intervals
        counts = f"{counts} OR {differ(access.unique[0])}"
    if not access.until:
        return {"UPDATE": counts} if counts else {}
    until = f"OLD.{quoted(access.until)}"
    still = f"{until} IS NULL OR coalesce(julianday({until}) > julianday('now'), 1)"
    return {"UPDATE": counts, "DELETE": still}


def _moves(access: Access, before: str) -> str:
    """Return the condition that NEW decides otherwise than the row before; empty: it always may."""
    counts = [differ(access.watch, "NEW", before)] if access.watch else []
    if access.or_if:
        counts.append(access.or_if.replace("OLD.", f"{before}."))
    if access.until:
        old, new = (f"{side}.{quoted(access.until)}" for side in (before, "NEW"))
        # As times, since others may spell one otherwise; what is no time may be in the past.
        counts.append(
            f"{new} IS NOT NULL AND {new} IS NOT {old}"
            f" AND coalesce(julianday({new}) <= julianday({old}), 1)"
        )
    return " OR ".join(counts)


def _replaced(access: Access) -> Iterator[Trigger]:
    """Yield triggers for the rows that OR REPLACE deletes without firing their triggers."""
    moves = _moves(access, "x")
    key = access.unique[0][0]
    for event, where, when in in_the_way(key, access.unique[1:]) if access.events else ():
        counts = f"({where}) AND ({moves})" if moves else where
        row = f"(SELECT x.* FROM {quoted(access.table)} x WHERE {counts})"
        when = there(access.table, counts, when)
        body = _log(access.touch.format(row=row), access)
        what, needs = f"{access.what}_replaced", [*access.needs, TENANTS]
        yield trigger(access.table, what, event, body, when=when, time="BEFORE", needs=needs)
    if access.kept:
        what, kept = f"{access.what}_gone", [access.kept]
        needs = [*access.needs, TENANTS]
        yield from gone(access.table, what, access.cause, key, access.unique[1:], kept, needs)
    if "UPDATE" in access.also and "INSERT" not in access.events:
        yield trigger(
            access.table,
            f"{access.what}_replaced_itself",
            "INSERT",
            access.also["UPDATE"],
            when=there(access.table, f"x.{quoted(key)} = NEW.{quoted(key)} AND ({moves})"),
            time="BEFORE",
            needs=[*access.needs, TENANTS],
        )


def _kept(access: Access) -> dict[str, str]:
    """Return, by event, the statements that keep the rows' intervals, to run after the log's."""
    kept = access.kept
    if kept is None:
        return {}
    begun, ended = begins(kept, "NEW", access.cause), ends(kept, "OLD", access.cause)
    # Those of a row that this one replaced, for which no trigger ran.
    replaced = ends(kept, "NEW", access.cause)
    gone = f"\n{ended}"
    if kept.named_by:  # those rows may be there after the one that they name
        gone += f"\n{begins(kept, 'OLD', access.cause)}"
    moved = f"\n{ended}\n{replaced}\n{begun}"
    return {"INSERT": f"\n{replaced}\n{begun}", "UPDATE": moved, "DELETE": gone}


def in_the_way(key: str, unique: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    """Yield, by event, the condition that the new row replaces row x, and when one can be."""
    unique = list(unique)

    def same(sets: Iterable[tuple[str, ...]]) -> str:
        return " OR ".join(
            "(" + " AND ".join(f"x.{quoted(c)} = NEW.{quoted(c)}" for c in columns) + ")"
            for columns in sets
        )

    keys = [(key,), *unique]
    moved = differ(dict.fromkeys(column for columns in keys for column in columns))
    yield "INSERT", same(keys), ""
    yield "UPDATE", f"({same(keys)}) AND x.rowid <> OLD.rowid", moved


def there(table: str, where: str, when: str = "") -> str:
    """Return the condition that such a row x is there; `when` is decided first.

    For triggers that hardly ever have anything to do: an INSERT … SELECT takes long to find nothing
    if it must keep what it selects, since the table has triggers or is read.
    """
    found = f"EXISTS (SELECT 1 FROM {quoted(table)} x WHERE {where})"
    return f"{when} AND {found}" if when else found


def gone(
    table: str,
    what: str,
    cause: str,
    key: str,
    unique: Iterable[tuple[str, ...]],
    kept: Collection[Kept],
    needs: Iterable[str],
) -> Iterator[Trigger]:
    """Yield the triggers that end the intervals of rows which a write with another key replaces.

    Only after the write is it known whether it has replaced them, or was ignored or refused: until
    then they are noted.
    """
    unique, needs = list(unique), [*needs, intervals.REPLACED]
    for event, where, when in in_the_way(key, unique) if unique else ():
        other = f"({where}) AND x.{quoted(key)} IS NOT NEW.{quoted(key)}"
        note = "\n".join(_note_replaced(each, table, key, other) for each in kept)
        when = there(table, other, when)
        yield trigger(table, what, event, note, when=when, time="BEFORE", needs=needs)
        ends = "\n".join(_end_replaced(each, table, cause) for each in kept)
        sources = ", ".join(literal(each.source) for each in kept)
        noted = f"EXISTS (SELECT 1 FROM {intervals.REPLACED} WHERE source IN ({sources}))"
        yield trigger(table, f"{what}_after", event, ends, when=noted, needs=needs)


def _note_replaced(kept: Kept, table: str, key: str, where: str) -> str:
    source_id, joined = f"x.{quoted(key)}", ""
    if kept.named_by:
        names, condition = kept.named_by
        source_id = f"w.{quoted(kept.columns[0])}"
        joined = f" JOIN {quoted(names)} w ON {condition.format(side='x')}"
    source = literal(kept.source)
    return (
        f"INSERT INTO {intervals.REPLACED} (source, source_id) SELECT {source}, {source_id}"
        f" FROM {quoted(table)} x{joined} WHERE {where} AND NOT EXISTS (SELECT 1 FROM"
        f" {intervals.REPLACED} n WHERE n.source = {source} AND n.source_id = {source_id});"
    )


def _end_replaced(kept: Kept, table: str, cause: str) -> str:
    """Return the statements that end what the noted rows stood for, as far as they are gone."""
    source = literal(kept.source)
    noted = f"SELECT n.source_id FROM {intervals.REPLACED} n WHERE n.source = {source}"
    rows = kept.named_by[0] if kept.named_by else table
    row = f"(SELECT w.* FROM {quoted(rows)} w WHERE w.{quoted(kept.columns[0])} IN ({noted}))"
    still = f"SELECT b.source_id FROM ({kept.begins.format(row=row)}) b"
    spelled = noted.replace("n.source_id", logged(kept.kind, "n.source_id"), 1)
    those = f"IN ({spelled}) AND source_id NOT IN ({still})"
    own = replace(kept, named_by=None)
    return (
        f"{intervals.end(own, those, cause, NOW, until(kept))}\n"
        f"DELETE FROM {intervals.REPLACED} WHERE source = {source};"
    )


def _of_row(touch: str, side: str) -> str:
    """Return the touches of one row, NEW or OLD."""
    used = sorted({name or plain for name, plain in USED.findall(touch)})
    row = ", ".join(f"{side}.{quoted(column)} AS {quoted(column)}" for column in used)
    return touch.format(row=f"(SELECT {row})")


def _log(touches: str, access: Access) -> str:
    news = "true" if access.always else stays("t.tenant")
    news = f"t.tenant IS NOT NULL AND {news}"
    return f"{LOG} t.*, {literal(access.cause)}, {NOW}\nFROM ({touches}) t WHERE {news};"


def installed(cursor: Any) -> dict[tuple[str, str], tuple[str | None, bool]]:
    """Return, by (table, name), each installed trigger's source, and True: all of them fire."""
    cursor.execute(INSTALLED)
    return {(table, name): (source, True) for table, name, source in cursor.fetchall()}


def lock(cursor: Any) -> None:
    """Do nothing: only one transaction writes at a time."""


def create(cursor: Any, trigger: Trigger, there: str | None) -> None:
    """Create the trigger, in place of the one that is there, if there is one."""
    for statement in trigger.statements:
        cursor.execute(statement)


def drop(cursor: Any, table: str, name: str) -> None:
    """Drop a trigger."""
    cursor.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")

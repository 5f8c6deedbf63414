"""The triggers for SQLite: one for each event, after the row is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from realtime.capture.tables import Access
from realtime.capture.triggers import ACCESSES, REVISIONS, Trigger, literal, named, quoted

NOW: Final = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
SIDES: Final = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
INSTALLED: Final = r"""
SELECT tbl_name, name, sql FROM sqlite_master
WHERE type = 'trigger' AND name LIKE 'earshot\_%' ESCAPE '\'
"""

# There are no triggers at commit, and none are needed: writers are serial.
NUMBER: Final = f"""
INSERT INTO {REVISIONS} (tenant_id, revision) VALUES (NEW.tenant_id, 1)
  ON CONFLICT (tenant_id) DO UPDATE SET revision = revision + 1;
UPDATE {ACCESSES} SET revision = (
  SELECT revision FROM {REVISIONS} WHERE tenant_id = NEW.tenant_id
) WHERE id = NEW.id;
"""


def trigger(
    table: str,
    what: str,
    event: str,
    body: str,
    *,
    when: str = "",
    time: str = "AFTER",
    needs: Iterable[str] = (),
) -> Trigger:
    """A trigger for one event; `when` is the condition under which it runs."""
    name = named(table, f"{what}_{event.lower()}")
    condition = f" WHEN {when}" if when else ""
    source = (
        f"CREATE TRIGGER {quoted(name)} {time} {event} ON {quoted(table)} FOR EACH ROW{condition}"
        f" BEGIN\n{body.strip()}\nEND"
    )
    statements = (f"DROP TRIGGER IF EXISTS {quoted(name)}", source)
    return Trigger(name, table, source, statements, frozenset({table, *needs}))


def notifying() -> Iterator[Trigger]:
    """Nothing: nobody can listen to a file."""
    yield from ()


def numbering() -> Iterator[Trigger]:
    """The trigger that gives access changes their revision."""
    yield trigger(
        ACCESSES, "number", "INSERT", NUMBER, when="NEW.revision IS NULL", needs=[REVISIONS]
    )


def differ(names: Iterable[str], new: str = "NEW", old: str = "OLD") -> str:
    """Whether columns differ, byte by byte."""
    pairs = (f"{new}.{quoted(name)} COLLATE BINARY IS NOT {old}.{quoted(name)}" for name in names)
    return f"({' OR '.join(pairs)})"


def accesses(watched: Iterable[Access]) -> Iterator[Trigger]:
    """The triggers of the tables that decide who may see."""
    for access in watched:
        conditions = _conditions(access)
        for event in access.events:
            sides = SIDES["DELETE" if access.until else event]
            touches = " UNION ".join(_of_row(access.touch, side) for side in sides)
            body = f"{_log(touches, access.cause)}\n{access.also.get(event, '')}"
            when = conditions.get(event, "")
            yield trigger(access.table, access.what, event, body, when=when, needs=access.joins)
        yield from _replaced(access)


def _conditions(access: Access) -> dict[str, str]:
    """When an event counts; always if none is given."""
    counts = [differ(access.watch)] if access.watch else []
    counts += [access.or_if] if access.or_if else []
    if not access.until:
        return {"UPDATE": " OR ".join(counts)} if counts else {}
    old, new = (f"{side}.{quoted(access.until)}" for side in ("OLD", "NEW"))
    # By time, since others may write it otherwise; what is no time may have ended.
    lowered = (
        f"{new} IS NOT NULL AND {new} IS NOT {old}"
        f" AND coalesce(julianday({new}) <= julianday({old}), 1)"
    )
    still = f"{old} IS NULL OR coalesce(julianday({old}) > julianday('now'), 1)"
    return {"UPDATE": " OR ".join([*counts, lowered]), "DELETE": still}


def _replaced(access: Access) -> Iterator[Trigger]:
    """INSERT and UPDATE OR REPLACE delete, without a word, the rows that stand in the way."""
    same = " OR ".join(
        "(" + " AND ".join(f"x.{quoted(c)} = NEW.{quoted(c)}" for c in names) + ")"
        for names in access.unique
    )
    other = f" AND {differ(access.watch, 'NEW', 'x')}" if access.watch else ""
    row = f"(SELECT x.* FROM {quoted(access.table)} x WHERE ({same}){{others}}{other})"
    moved = differ(dict.fromkeys(c for names in access.unique for c in names))
    log = _log(access.touch.format(row=row), access.cause)
    for event, others, when in (
        ("INSERT", "", ""),
        ("UPDATE", " AND x.rowid <> OLD.rowid", moved),
    ):
        body = log.replace("{others}", others)
        yield trigger(
            access.table,
            f"{access.what}_replaced",
            event,
            body,
            when=when,
            time="BEFORE",
            needs=access.joins,
        )


def _of_row(touch: str, side: str) -> str:
    """The touch of the one row that NEW or OLD is."""
    used = sorted(set(re.findall(r"\br\.(\w+)", touch)))
    row = ", ".join(f"{side}.{quoted(column)} AS {quoted(column)}" for column in used)
    return touch.format(row=f"(SELECT {row})")


def _log(touches: str, cause: str) -> str:
    return (
        f"INSERT INTO {ACCESSES} (tenant_id, user_id, model, object_id, cause, at)\n"
        f"SELECT *, {literal(cause)}, {NOW} FROM ({touches});"
    )


def installed(cursor: Any) -> dict[tuple[str, str], tuple[str | None, bool]]:
    """By (table, name): the source of each installed trigger, and that it fires."""
    cursor.execute(INSTALLED)
    return {(table, name): (source, True) for table, name, source in cursor.fetchall()}


def lock(cursor: Any) -> None:
    """Writers are serial."""


def create(cursor: Any, trigger: Trigger, there: str | None) -> None:
    """Create the trigger in place of the one that is there, if there is one."""
    for statement in trigger.statements:
        cursor.execute(statement)


def drop(cursor: Any, table: str, name: str) -> None:
    """Take a trigger away."""
    cursor.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")

"""The triggers for SQLite: one for each event, after the row is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from realtime.capture.triggers import ACCESSES, REVISIONS, Trigger, named, quoted

NOW: Final = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
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


def numbering() -> Iterator[Trigger]:
    """The trigger that gives access changes their revision."""
    yield trigger(
        ACCESSES, "number", "INSERT", NUMBER, when="NEW.revision IS NULL", needs=[REVISIONS]
    )


def differ(names: Iterable[str], new: str = "NEW", old: str = "OLD") -> str:
    """Whether columns differ, byte by byte."""
    pairs = (f"{new}.{quoted(name)} COLLATE BINARY IS NOT {old}.{quoted(name)}" for name in names)
    return f"({' OR '.join(pairs)})"


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

"""How a trigger for PostgreSQL is made: its function, and for which writes it fires.

What is written many rows at a time has two kinds of triggers. Those in sets fire once a statement
and work on all of its rows at once. They see nothing of what logical replication writes, nor of
what is written to a partition by its name: there, those fire instead that work on one row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from realtime.capture.triggers import Trigger, named, quoted

HEAD: Final = (
    "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp"
)
# A plan is kept, and the next statement may write very many rows where the first wrote one, and
# find large tables that were empty then. So what they name is looked up for each written row: a
# bitmap is the only way left, and is made of what a condition finds in an index, never of all.
WAYS: Final = ("seqscan", "indexscan", "indexonlyscan", "hashjoin", "mergejoin")
LOOKED_UP: Final = "".join(f" SET enable_{way} = off" for way in WAYS)
BY_INDEX: Final = " SET enable_seqscan = off"
"""For what finds the rows of one transaction: a log may have been empty when that was planned."""

WRITTEN: Final = "written"
"""The rows that a statement wrote, for its triggers in sets."""
ROWS: Final = {"INSERT": f"NEW TABLE AS {WRITTEN}", "DELETE": f"OLD TABLE AS {WRITTEN}"}

ALWAYS: Final = "ENABLE ALWAYS"
IN_SETS: Final = "{in sets}"
ONE_BY_ONE: Final = "{one by one}"
NAMED: Final = "one by one: "
# Whoever disables all triggers of a table, and enables them again, enables these for all writes.
UNLESS_IN_SETS: Final = """
IF current_setting('session_replication_role') <> 'replica'
AND NOT (SELECT relispartition FROM pg_class WHERE oid = TG_RELID) THEN
  RETURN NULL;
END IF;
"""
HAS_PARTITIONS: Final = "{has partitions}"
UNLESS_IN_PARTS: Final = "IF TG_NARGS > 0 THEN\n  RETURN NULL;\nEND IF;"
"""Nor does it matter that they enable a trigger in sets of a table that has partitions."""

PUT: Final = {
    False: {IN_SETS: "ENABLE", ONE_BY_ONE: "ENABLE REPLICA", HAS_PARTITIONS: ""},
    True: {IN_SETS: "ENABLE", ONE_BY_ONE: ALWAYS, HAS_PARTITIONS: "'partitions'"},
}
"""When either kind fires, and what those in sets are told, by whether the table has partitions."""

INSTALLED: Final = f"""
SELECT c.relname, t.tgname, t.tgenabled = CASE
  WHEN t.tgnewtable IS NOT NULL OR t.tgoldtable IS NOT NULL
    THEN CASE WHEN c.relkind = 'p' AND t.tgnargs = 0 THEN '' ELSE 'O' END
  WHEN p.prosrc LIKE E'\\n-- {NAMED}%' AND c.relkind <> 'p' THEN 'R' ELSE 'A' END,
  CASE WHEN p.prosecdef AND p.proconfig[1]
  = 'search_path=' || quote_ident(current_schema()) || ', pg_temp' THEN p.prosrc END
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgname LIKE 'earshot\\_%' AND t.tgparentid = 0 AND NOT t.tgisinternal
AND c.relnamespace = current_schema()::regnamespace
"""
WHERE: Final = """
SELECT quote_ident(current_schema()), EXISTS (SELECT FROM pg_class WHERE relname = %s
  AND relnamespace = current_schema()::regnamespace AND relkind = 'p')
"""


def trigger(
    table: str,
    what: str,
    when: str,
    events: Iterable[str],
    body: str,
    *,
    each: str = "ROW",
    deferred: bool = False,
    condition: str = "",
    needs: Iterable[str] = (),
    fires: str = ALWAYS,
) -> Trigger:
    """Return a trigger whose function has the trigger's name. Replicated writes fire it too.

    Only rows for which the `condition` holds fire it. Use it for the logs alone: a column that is
    named there keeps its type, and other apps' migrations may change theirs.
    """
    events, body = tuple(events), body.strip()
    if fires == ONE_BY_ONE:
        body = f"{UNLESS_IN_SETS.strip()}\n{body}"
    name = named(table, what)
    head = f"{when} {' OR '.join(events)} ON {quoted(table)}"
    head += " DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    if fires == IN_SETS:
        head, each = f"{head} REFERENCING {ROWS[events[0]]}", "STATEMENT"
        body = f"{UNLESS_IN_PARTS}\n{body}"
    head += f" FOR EACH {each}"
    head += f" WHEN ({condition})" if condition else ""
    ways = LOOKED_UP if fires == IN_SETS else BY_INDEX if deferred else ""
    said = f"{head}\n--{ways}" if ways else head  # by its source a function is known to be old
    source = f"\n-- {NAMED if fires == ONE_BY_ONE else ''}{said}\nBEGIN\n{body}\nEND"
    function = f"{quoted(name)}() {HEAD}{ways} AS $earshot${source}$earshot$"
    constraint = "CONSTRAINT " if deferred else ""
    call = f"{quoted(name)}({HAS_PARTITIONS if fires == IN_SETS else ''})"
    return Trigger(
        name,
        table,
        source,
        (
            f"CREATE OR REPLACE FUNCTION {function}",
            f"DROP TRIGGER IF EXISTS {quoted(name)} ON {quoted(table)}",
            f"CREATE {constraint}TRIGGER {quoted(name)} {head} EXECUTE FUNCTION {call}",
            f"ALTER TABLE {quoted(table)} {fires} TRIGGER {quoted(name)}",
        ),
        frozenset({table, *needs}),
        frozenset(events),
    )


def installed(cursor: Any) -> dict[tuple[str, str], tuple[str | None, bool]]:
    """Return, by (table, name), each installed trigger's source, and whether it fires as it should.

    The source is None if its function lacks the rights or the search path that it should have.
    """
    cursor.execute(INSTALLED)
    return {(table, name): (source, on) for table, name, on, source in cursor.fetchall()}


def create(cursor: Any, trigger: Trigger, there: str | None) -> None:
    """Create the trigger; `there` is the source of the one that it replaces, None if there is none.

    Creating a trigger locks its table; if only the function differs, nothing is locked.
    """
    cursor.execute(WHERE, [trigger.table])
    [[schema, partitioned]] = cursor.fetchall()
    same = there is not None and there.split("\n")[1:2] == trigger.source.split("\n")[1:2]
    for statement in trigger.statements[:1] if same else trigger.statements:
        for word, meant in {"{schema}": schema, **PUT[partitioned]}.items():
            statement = statement.replace(word, meant)
        cursor.execute(statement)


def drop(cursor: Any, table: str, name: str) -> None:
    """Drop a trigger and its function."""
    cursor.execute(f"DROP TRIGGER IF EXISTS {quoted(name)} ON {quoted(table)}")
    cursor.execute(f"DROP FUNCTION IF EXISTS {quoted(name)}()")

"""The triggers by which our tenants and memberships follow the project's own rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from realtime.capture import postgresql, sqlite
from realtime.capture.functions_postgresql import trigger
from realtime.capture.hosted import Following, followings
from realtime.capture.intervals import REPLACED
from realtime.capture.triggers import Trigger, literal

UNLESS_CHANGED: Final = (
    "EXCEPTION WHEN undefined_column OR undefined_table OR undefined_function OR datatype_mismatch"
    " THEN NULL;"
)


def triggers(vendor: str, *, general: bool = False) -> Iterator[Trigger]:
    """Yield the triggers by which ours follow; none if the project declares no such models.

    Those in the general form, for PostgreSQL, do nothing where migrations have changed what they
    name, and `fill` comes after them.
    """
    for each in followings(vendor):
        postgresql_ = vendor == "postgresql"
        yield from _on_postgresql(each, general) if postgresql_ else _on_sqlite(each)


def fill(cursor: Any, there: set[str]) -> None:
    """Let ours follow what was written while there were no triggers, as far as these tables are
    there."""
    found = followings(cursor.db.vendor)
    for each in [each for each in found if {each.table, *each.needs} <= there]:
        for statement in each.again.split("\n"):
            cursor.execute(statement)


def _on_postgresql(each: Following, general: bool) -> Iterator[Trigger]:
    counts = {"UPDATE": f" AND {postgresql.differ(each.watch)}"}
    parts = (
        f"IF TG_OP = '{event}'{counts.get(event, '')} THEN\n{body}\nEND IF;"
        for event, body in each.bodies.items()
    )
    body = "\n".join(parts)
    if general:
        body = f"BEGIN\n{body}\n{UNLESS_CHANGED}\nEND;"
    body = f"{body}\nRETURN NULL;"
    yield trigger(each.table, each.what, "AFTER", each.bodies, body, needs=each.needs)
    body = f"{each.again}\nRETURN NULL;"
    yield trigger(
        each.table, f"{each.what}_all", "AFTER", ["TRUNCATE"], body, each="STATEMENT",
        needs=each.needs,
    )  # fmt: skip


def _on_sqlite(each: Following) -> Iterator[Trigger]:
    counts = {"UPDATE": sqlite.differ(each.watch)}
    for event, body in each.bodies.items():
        when = counts.get(event, "")
        yield sqlite.trigger(each.table, each.what, event, body, when=when, needs=each.needs)
    # No trigger fires for a row that another replaces, and only afterwards is it known if one was.
    source, needs = literal(f"{each.table}.{each.what}"), [*each.needs, REPLACED]
    key, *unique = each.unique
    for event, where, when in sqlite.in_the_way(key[0], unique):
        noted = f"SELECT 1 FROM {REPLACED} n WHERE n.source = {source}"
        note = (
            f"INSERT INTO {REPLACED} (source, source_id) SELECT {source}, ''"
            f" WHERE NOT EXISTS ({noted});"
        )
        when = sqlite.there(each.table, where, when)
        what = f"{each.what}_replaced"
        yield sqlite.trigger(each.table, what, event, note, when=when, time="BEFORE", needs=needs)
        again = f"{each.again}\nDELETE FROM {REPLACED} WHERE source = {source};"
        yield sqlite.trigger(
            each.table, f"{what}_after", event, again, when=f"EXISTS ({noted})", needs=needs
        )

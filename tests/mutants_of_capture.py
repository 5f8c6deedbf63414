"""Each trigger taken away once, each comparison weakened once: a named test notices.

`make mutants` runs it on each database; to collect it, name the file. A trigger is taken away, or
put in the place of another, in the transaction of a test, which is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.db import connection

from realtime.capture.installing import GENERATORS, LIVE, wanted
from realtime.capture.live import Live, Shown
from realtime.capture.tables import Access, accesses
from realtime.capture.triggers import Trigger
from tests.realtime.capture import declared, declared_live
from tests.realtime.capture.access_cases import CASES
from tests.realtime.capture.test_live_declared import OURS, SHOWN
from tests.realtime.capture.test_tables_accesses import found, peopled
from tests.realtime.capture.test_tables_declared import full, name_of
from tests.world import World

__all__ = ["full", "peopled"]

VENDOR = connection.vendor
GENERATOR: Any = GENERATORS[VENDOR]


@dataclass(frozen=True)
class Mutant:
    """What stands in the place of which triggers, and how a test would notice."""

    rule: str
    triggers: list[Trigger]
    instead: list[Trigger]
    noticed: Callable[[World], str]


Key = tuple[str, str]


def exchanged(rule: str, made: dict[Key, Trigger], other: dict[Key, Trigger], by: Any) -> Mutant:
    """The triggers that one declaration has otherwise than another."""
    keys = [k for k in made if k not in other or made[k].source != other[k].source]
    return Mutant(rule, [made[k] for k in keys], [other[k] for k in keys if k in other], by)


def keyed(made: Iterable[Trigger]) -> dict[Key, Trigger]:
    """The triggers but for those of truncated tables, which need no declaration."""
    return {t.key: t for t in made if not t.name.endswith(("_truncated", "_emptied"))}


def mutants() -> Iterator[Mutant]:
    for access in accesses():
        yield from of(name_of(access), access, weaker(access), GENERATOR.accesses, by_access)
    for live in OURS:
        yield from of(live.table, live, weaker_live(live), by_live, by_object)
    for row in SHOWN:
        yield from of(f"shown {row.table}", row, weaker_shown(row), by_shown, by_note)
    for trigger in wanted(VENDOR):
        if trigger.name.endswith("_truncated"):
            yield Mutant(f"without {trigger.name}", [trigger], [], by_emptied(trigger.table))
        if trigger.name.endswith("_emptied"):
            yield Mutant(f"without {trigger.name}", [trigger], [], by_not_ended(trigger.table))


EQUIVALENT = {
    "earshot_resources_profile_gone_after_insert",
    "earshot_resources_document_ended_owner_id_insert",
    "earshot_resources_profile_ended_user_id_insert",
}
"""The update that gives a new row its version does as much as the first, by the trigger of updates.
The others are for tenants that are being deleted: `test_intervals_replaced`."""


def of(name: str, what: Any, weaker: Any, generate: Any, by: Any) -> Iterator[Mutant]:
    """The declaration without each of its triggers, and without each of its comparisons."""
    made = keyed(generate([what]))
    for trigger in made.values():
        if trigger.name not in EQUIVALENT:
            yield Mutant(f"without {trigger.name}", [trigger], [], by(what))
    for rule, weak in weaker:
        yield exchanged(f"{name} {rule}", made, keyed(generate([weak])), by(what))


def without(what: Any, field: str, value: Any) -> Any:
    return replace(what, **{field: tuple(v for v in getattr(what, field) if v != value)})


def weaker(access: Access) -> Iterator[tuple[str, Access]]:
    for column in access.watch:
        if access.kept and column == key(access):
            continue  # it counts by itself, since it identifies the intervals
        less = without(access, "watch", column)
        yield f"without {column}", less if less.watch else replace(less, watch=(key(access),))
    if access.or_if:
        yield "without its condition", replace(access, or_if="")
    if access.until:
        yield "without the end", replace(access, until="")
    if access.kept:
        yield "without its intervals", replace(access, kept=None)


def key(access: Access) -> str:
    return access.unique[0][0]


def weaker_live(live: Live) -> Iterator[tuple[str, Live]]:
    for column in live.columns:
        if column[0] in live.compared:
            yield f"without {column[0]}", without(live, "columns", column)
    for stamp, sources in live.stamps:
        for source in sources:
            less = tuple(s for s in sources if s != source)
            yield f"without {source} for {stamp}", replace(live, stamps=((stamp, less),))
    for holder in live.holders:
        others = tuple(name for name in live.holders if name != holder)
        kept = tuple(live.permissions[live.holders.index(name)] for name in others)
        yield f"without the holder {holder}", replace(live, holders=others, permissions=kept)
    if live.permissions:
        another = ("another",) * len(live.permissions)
        yield "with intervals of another permission", replace(live, permissions=another)
    for columns in live.unique if VENDOR == "sqlite" else ():
        yield f"without {columns}", without(live, "unique", columns)


def weaker_shown(row: Shown) -> Iterator[tuple[str, Shown]]:
    for column in row.watched:
        if column not in (row.key, row.tenant):
            yield f"without {column}", without(row, "watched", column)


def by_live(lives: list[Live]) -> Any:
    return LIVE[VENDOR].triggers(lives, [])


def by_shown(rows: list[Shown]) -> Any:
    return LIVE[VENDOR].triggers([], rows)


# How a test notices: its name, or nothing.


def by_access(access: Access) -> Callable[[World], str]:
    def noticed(world: World) -> str:
        if wrong := declared.wrong(access):
            return f"test_raw_write_to_a_declared_row_touches_whom_it_names: {wrong[0]}"
        for name, (cause, write, touched) in CASES.items():
            with declared.undone():
                how = write(world)
                if how.model._meta.db_table != access.table or cause != access.cause:
                    continue
                if found(how, cause, ["SQL"])["SQL"] != touched:
                    return f"test_write_is_logged_by_whatever_way_it_comes[{name}]"
        return ""

    return noticed


def by_object(live: Live) -> Callable[[World], str]:
    return lambda _: "; ".join(declared_live.wrong(declared_live.of_live(live)))


def by_note(row: Shown) -> Callable[[World], str]:
    return lambda _: "; ".join(declared_live.wrong(declared_live.of_shown(row)))


def by_emptied(table: str) -> Callable[[World], str]:
    def noticed(_: World) -> str:
        found, must = declared.truncated(table)
        return "" if found == must != {} else "test_truncated_table_touches_everything"

    return noticed


def by_not_ended(table: str) -> Callable[[World], str]:
    return lambda _: "; ".join(declared.not_ended(table))


def put(mutant: Mutant) -> None:
    """Let it stand there, until this transaction is rolled back."""
    with connection.cursor() as cursor:
        if VENDOR == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for trigger in mutant.triggers:
            GENERATOR.drop(cursor, *trigger.key)
        for trigger in mutant.instead:
            GENERATOR.create(cursor, trigger, None)
        if VENDOR == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.django_db
@pytest.mark.parametrize("mutant", [*mutants()], ids=lambda mutant: mutant.rule)
def test_mutant_is_noticed(full: World, mutant: Mutant) -> None:
    with declared.undone():
        assert mutant.triggers
        put(mutant)
        assert mutant.noticed(full)

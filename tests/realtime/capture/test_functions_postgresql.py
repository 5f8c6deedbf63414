"""Which triggers fire for what is written in sets, by replication, and to partitions."""

from __future__ import annotations

import pytest
from django.db import connection

from realtime.capture.functions_postgresql import (
    ALWAYS,
    IN_SETS,
    ONE_BY_ONE,
    WRITTEN,
    create,
    installed,
    trigger,
)
from realtime.capture.triggers import Trigger
from tests.databases import on_postgresql
from tests.realtime.capture.declared import run
from tests.realtime.capture.ways import REPLICA

pytestmark = [on_postgresql, pytest.mark.django_db]

WHOLE = "CREATE TABLE herd (id int)"
PARTED = (
    "CREATE TABLE herd (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE herd_young PARTITION OF herd FOR VALUES FROM (0) TO (100)"
)
SEEN = "INSERT INTO seen SELECT {} FROM {}; RETURN NULL;"
TRIGGERS = [
    trigger("herd", "sets", "AFTER", ["INSERT"], SEEN.format("'set'", WRITTEN), fires=IN_SETS),
    trigger("herd", "each", "AFTER", ["INSERT"], "INSERT INTO seen VALUES ('one'); RETURN NULL;",
            fires=ONE_BY_ONE),
    trigger("herd", "row", "AFTER", ["DELETE"], "INSERT INTO seen VALUES ('gone'); RETURN NULL;",
            fires=ALWAYS),
]  # fmt: skip


@pytest.fixture(params=[WHOLE, PARTED], ids=["whole", "parted"])
def table(request: pytest.FixtureRequest) -> str:
    run(f"{request.param}; CREATE TABLE seen (what text)")
    put(*TRIGGERS)
    param: str = request.param
    return param


def put(*triggers: Trigger) -> None:
    with connection.cursor() as cursor:
        for each in triggers:
            create(cursor, each, None)


def seen() -> list[str]:
    return [what for (what,) in run("DELETE FROM seen RETURNING what")]


def let_all(fire: str) -> None:
    for each in TRIGGERS:
        run(f"ALTER TABLE herd {fire} TRIGGER {each.name}")


def as_they_should() -> list[bool]:
    with connection.cursor() as cursor:
        found = installed(cursor)
    assert [found[each.key][0] for each in TRIGGERS] == [each.source for each in TRIGGERS]
    return [found[each.key][1] for each in TRIGGERS]


def test_each_row_is_seen_once_by_whatever_way_it_comes(table: str) -> None:
    into = ["herd", "herd_young"] if table == PARTED else ["herd"]
    for name in into:
        run(f"INSERT INTO {name} VALUES (1), (2)")
        assert seen() == (["one"] if table == PARTED else ["set"]) * 2
    run(REPLICA)
    for name in into:
        run(f"INSERT INTO {name} VALUES (1), (2)")
        assert seen() == ["one"] * 2
    run("DELETE FROM herd WHERE id = 1")
    assert seen() == ["gone"] * 2 * len(into)


def test_each_row_is_seen_once_after_all_triggers_were_disabled_for_a_while(table: str) -> None:
    run("ALTER TABLE herd DISABLE TRIGGER USER; ALTER TABLE herd ENABLE TRIGGER USER")
    for name in ["herd", "herd_young"] if table == PARTED else ["herd"]:
        run(f"INSERT INTO {name} VALUES (1), (2)")
        assert seen() == (["one"] if table == PARTED else ["set"]) * 2
    assert as_they_should() == [True, False, False]


def test_trigger_of_a_table_with_partitions_that_was_not_told_of_them_is_noticed() -> None:
    run(f"{WHOLE}; CREATE TABLE seen (what text)")
    put(TRIGGERS[0])
    run("ALTER TABLE herd RENAME TO calves")
    name = TRIGGERS[0].name
    run(PARTED)
    head = TRIGGERS[0].source.split("\n")[1].removeprefix("-- ")
    run(f"CREATE TRIGGER {name} {head} EXECUTE FUNCTION {name}()")
    with connection.cursor() as cursor:
        assert installed(cursor)["herd", name][1] is False


def test_trigger_that_fires_at_other_times_is_noticed(table: str) -> None:
    assert as_they_should() == [True] * 3
    let_all("ENABLE ALWAYS")
    assert as_they_should() == [False, table == PARTED, True]
    put(*TRIGGERS)
    let_all("DISABLE")
    assert as_they_should() == [False] * 3
    put(*TRIGGERS)
    let_all("ENABLE REPLICA")
    assert as_they_should() == [False, table == WHOLE, False]

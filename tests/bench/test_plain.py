"""Plain Django's tables are Earshot's, but for what notices a write."""

from typing import Any

import pytest
from django.db import connection

from bench.plain import models as plain
from bench.plain import tables
from resources import models as ours

PAIRS = [
    (ours.Document, plain.Document),
    (ours.DocumentUserGrant, plain.DocumentUserGrant),
    (ours.DocumentGroupGrant, plain.DocumentGroupGrant),
]
TRIGGERS = {
    "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
}


@pytest.fixture
def copied(db: None) -> None:
    """The copies, until the test ends."""
    tables.make(connection)


def columns(model: Any) -> dict[str, str | None]:
    return {field.column: field.db_type(connection) for field in model._meta.concrete_fields}


def indexes(table: str) -> list[tuple[Any, ...]]:
    """What is indexed or constrained in a table, by whatever names; a copy's links lead to the
    copies, which are taken for what they copy."""
    originals = {copy: original for original, copy in tables.COPIES.items()}
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()
    linked = [each["foreign_key"] for each in found]
    targets = [None if key is None else (originals.get(key[0], key[0]), key[1]) for key in linked]
    return sorted(
        (tuple(each["columns"]), each["primary_key"], each["unique"], each["index"], str(target))
        for each, target in zip(found, targets, strict=True)
    )


@pytest.mark.parametrize(("original", "copy"), PAIRS)
def test_plain_model_has_the_columns_of_its_original(original: Any, copy: Any) -> None:
    assert columns(copy) == columns(original)
    assert tables.COPIES[original._meta.db_table] == copy._meta.db_table


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize(("table", "copy"), tables.COPIES.items())
def test_copy_has_the_same_indexes_and_links(table: str, copy: str) -> None:
    assert indexes(copy) == indexes(table)


@pytest.mark.usefixtures("copied")
def test_no_copy_has_a_trigger() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS[connection.vendor])
        having = {table for (table,) in cursor.fetchall()}
    assert "earshot_tenants_user_groups" in having
    assert not having & {*tables.COPIES.values()}


def test_copied_links_lead_to_copies() -> None:
    copies = {"a_thing": "plain_thing", "a_link": "plain_link"}
    key = "FOREIGN KEY (thing_id) REFERENCES a_thing(id) DEFERRABLE INITIALLY DEFERRED"
    assert tables.referring(key, copies) == key.replace("a_thing", "plain_thing")
    other = key.replace("a_thing", "a_thing_else")
    assert tables.referring(other, copies) == other
    sql = 'CREATE TABLE "a_link" ("thing_id" bigint REFERENCES "a_thing" ("id"))'
    assert tables.renamed(sql, copies) == (
        'CREATE TABLE "plain_link" ("thing_id" bigint REFERENCES "plain_thing" ("id"))'
    )
    index = 'CREATE UNIQUE INDEX "a_link_uniq" ON "a_link" ("thing_id")'
    assert tables.renamed(index, copies) == (
        'CREATE UNIQUE INDEX "plain_a_link_uniq" ON "plain_link" ("thing_id")'
    )

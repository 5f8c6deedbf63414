"""Numbers of transactions on SQLite, which has none: what Django's connections write together."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import load_backend

from realtime.capture import transactions
from realtime.capture.models import Change
from resources.models import Document
from tests.databases import only_on
from tests.world import World

pytestmark = [
    pytest.mark.django_db(transaction=True),
    only_on("sqlite", "PostgreSQL numbers its transactions itself."),
]


def numbers(world: World, changes: int) -> list[int]:
    """The numbers of the document's last changes, in their order."""
    rows = Change.objects.filter(object_id=world.document.pk, model="resources.document")
    return list(rows.order_by("-pk").values_list("xid", flat=True)[:changes])[::-1]


def update(world: World, title: str) -> None:
    Document.objects.filter(tenant=world.tenants["acme"]).update(title=title)


def test_transaction_after_a_rolled_back_one_has_its_own_number(world: World) -> None:
    update(world, "0")
    with transaction.atomic():
        update(world, "1")
        [lost] = numbers(world, 1)
        transaction.set_rollback(True)
    with transaction.atomic():
        update(world, "2")
        update(world, "3")
    before, one, other = numbers(world, 3)
    assert one == other
    assert len({before, lost, one}) == 3


def test_what_follows_a_rolled_back_savepoint_has_one_number(world: World) -> None:
    with transaction.atomic():
        with transaction.atomic():
            update(world, "1")
            transaction.set_rollback(True)
        update(world, "2")
        with transaction.atomic():
            update(world, "3")
    assert len({*numbers(world, 2)}) == 1


def test_one_statement_is_one_transaction_and_the_next_another(world: World) -> None:
    other = world.create()
    created = other.version
    update(world, "1")
    update(world, "2")
    first, second = numbers(world, 2)
    assert first != second
    assert Change.objects.get(object_id=other.pk, version=created + 2).xid == second


def test_rows_written_past_djangos_cursors_are_alone(world: World) -> None:
    for title in ("1", "2"):
        connection.connection.execute("UPDATE resources_document SET title = ?", [title])
    assert len({*numbers(world, 2)}) == 2


def test_row_that_has_a_key_and_no_number_keeps_the_key(world: World) -> None:
    """As a dump has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Change._meta.db_table}"
            " (id, tenant_id, model, object_id, version, creation, xid, at)"
            " VALUES (777777, 1, 'some.model', 'A1', 5, 0, 0, '2030-01-01')"
        )
    assert Change.objects.get(pk=777777).xid > 0


def test_number_is_asked_for_in_python_too(world: World) -> None:
    with transaction.atomic():
        update(world, "1")
        assert transactions.number(connection) == numbers(world, 1)[0]


def test_database_without_the_tables_has_the_function_and_no_trigger(db: None) -> None:
    """Migrations that write begin before the tables are there."""
    settings = connection.settings_dict | {"NAME": ":memory:"}
    empty: Any = load_backend(connection.settings_dict["ENGINE"]).DatabaseWrapper(settings)
    empty.connect()
    with closing(empty.connection) as database:
        assert database.execute(f"SELECT {transactions.FUNCTION}(0)").fetchone()[0] > 0
        assert database.execute("SELECT name FROM sqlite_temp_master").fetchall() == []

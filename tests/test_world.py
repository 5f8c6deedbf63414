"""The world that the tests share is the same each time, however it came to be."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from tests.rows import Rows
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No world was made before."""
    monkeypatch.setattr(World, "first", None)


def comparable(rows: Rows) -> dict[str, list[list[Any]]]:
    """All but versions, and the changes that say which were the first."""
    found = {}
    with connection.cursor() as cursor:
        for table, some in rows.tables:
            described = connection.introspection.get_table_description(cursor, table)
            kept = [i for i, column in enumerate(described) if column.name != "version"]
            found[table] = [[row[i] for i in kept] for row in some]
    del found["earshot_realtime_change"]
    return found


def test_a_later_world_has_the_rows_of_the_first(anew: None) -> None:
    first = World()
    assert World.first is not None
    rows = World.first[0]
    for table, _ in rows.tables:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
    again = World()

    assert comparable(Rows.recorded()) == comparable(rows)
    assert again.document == first.document
    assert again.document is not first.document
    assert again.users == first.users


def test_rows_are_not_put_back_once_permissions_have_other_keys(anew: None) -> None:
    rows = Rows.recorded()
    assert rows.valid
    last = Permission.objects.latest("pk")
    last.delete()
    Permission.objects.create(name="x", content_type=last.content_type, codename="x")

    assert not rows.valid

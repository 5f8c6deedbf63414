"""Real migrations of tables with rows and triggers, while other sessions write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from permissions.models import AccessChange
from realtime.capture import live
from realtime.capture.installing import differences
from realtime.capture.live import Live
from realtime.models import Change
from tenants.models import Tenant
from tests.databases import on_postgresql
from tests.realtime.capture.documents import execute

OLD = Live("archive_box", "archive.box", (("title", "title"), ("size", "size"), ("note", "note")))
NEW = Live("archive_box", "archive.box", (("name", "name"), ("size", "size"), ("place", "place")))

Migrate = Callable[[Live, str], None]


@pytest.fixture
def migrate(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Migrate]:
    """`migrate(live, name)` runs the archive's migrations, by code that declares its table so."""
    known = live.lives()

    def run(declared: Live | None, name: str) -> None:
        monkeypatch.setattr(live, "lives", lambda: [*known, *filter(None, [declared])])
        call_command("migrate", "archive", name, verbosity=0)

    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "tests.realtime.archive"]):
        yield run
        run(None, "zero")
        assert not differences()


@pytest.fixture
def box(migrate: Migrate) -> int:
    """The key of a row that the release of before wrote."""
    migrate(OLD, "0001")
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    execute(
        "INSERT INTO archive_box (tenant_id, version, title, size, note)"
        " VALUES (%s, 0, 'A', 1, '')", tenant.pk,
    )  # fmt: skip
    execute("UPDATE archive_box SET size = 2")
    return rows("id")[0][0]


def rows(columns: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM archive_box ORDER BY id")
        return cursor.fetchall()


def recorded(key: int) -> list[list[str] | None]:
    found = Change.objects.filter(model="archive.box", object_id=key, version__gt=0)
    return [fields for (fields,) in found.order_by("pk").values_list("fields")]


def test_migrations_run_on_a_table_with_rows_and_leave_it_captured(
    migrate: Migrate, box: int
) -> None:
    assert recorded(box) == [None, ["size"]]
    [(before,)] = rows("version")
    migrate(NEW, "0003")
    (version, *row), (made, *new) = rows("version, name, size, place")
    assert row == ["Without a note", "2", "There"]
    assert new == ["Made", "3", "There"]
    if connection.vendor == "postgresql":
        assert recorded(box)[2:] == [
            ["title"], ["name"], ["name"], ["place"], ["place"],
        ]  # fmt: skip
        assert version == before + 5
    assert AccessChange.objects.filter(model=None, user_id=None, cause="capture installed").exists()
    creation = Change.objects.get(model="archive.box", creation=True, object_id=box + 1)
    assert made >= creation.pk == creation.version
    assert not differences()
    count = len(recorded(box))
    execute("UPDATE archive_box SET name = 'After', size = '4' WHERE id = %s", box)
    assert recorded(box)[count:] == [["name", "size"]]
    assert rows("version")[0][0] == version + 1


@on_postgresql
def test_session_that_is_open_all_the_time_writes_before_between_and_after(
    migrate: Migrate, box: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the plans of the old columns; after the first commit they are others, and only after
    the last migration come the functions for these."""
    session = connection.copy()
    try:
        with session.cursor() as cursor:
            cursor.execute("UPDATE archive_box SET title = 'B', note = 'B'")
            written = []

            def between(**_: Any) -> None:
                cursor.execute("UPDATE archive_box SET name = 'Between', size = '5'")
                written.append(rows("name"))

            with_signal(monkeypatch, between)
            migrate(NEW, "0003")
            cursor.execute("UPDATE archive_box SET name = 'C' WHERE id = %s", [box])
    finally:
        session.close()
    assert written == [[("Between",), ("Between",)]]
    assert recorded(box)[-3:] == [["name", "size"], ["place"], ["name"]]


def with_signal(monkeypatch: pytest.MonkeyPatch, work: Callable[..., None]) -> None:
    """Do this after the archive's second migration has committed."""
    from django.db.migrations.executor import MigrationExecutor

    apply = MigrationExecutor.apply_migration

    def applied(self: Any, state: Any, migration: Any, **how: Any) -> Any:
        done = apply(self, state, migration, **how)
        if (migration.app_label, migration.name) == ("archive", "0002_everything"):
            work()
        return done

    monkeypatch.setattr(MigrationExecutor, "apply_migration", applied)

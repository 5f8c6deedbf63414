"""A live model's instance may be saved in another database, too, as Django documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from realtime.models import Change
from resources.models import Document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[str]:
    """A database with the model's table, and no others."""
    kept = {**connections["default"].settings_dict, "NAME": str(tmp_path / "other"), "OPTIONS": {}}
    connections.settings["other"] = {**kept, "ENGINE": "django.db.backends.sqlite3"}
    connection: Any = connections["other"]
    connection.connect()
    with connection.schema_editor() as editor:
        editor.create_model(Document)
    connection.connection.execute("PRAGMA foreign_keys = OFF")
    yield "other"
    connection.close()
    del connections["other"], connections.settings["other"]


def titles(database: str) -> list[str]:
    return list(Document.unscoped.using(database).values_list("title", flat=True))


def test_instance_is_copied_there_and_is_still_to_be_saved_here(
    document: Document, other: str
) -> None:
    before = Change.objects.count()
    document.title = "There"
    document.save(using=other)
    assert (titles(other), titles("default")) == (["There"], ["Plan"])
    assert Change.objects.count() == before
    document.title = "There again"
    document.save()  # where it came from, as Django does
    assert titles(other) == ["There again"]
    document.save(using="default")
    assert titles("default") == ["There again"]
    assert Change.objects.count() == before + 1


def test_instance_of_another_database_is_created_here(document: Document, other: str) -> None:
    document.save(using=other)
    Document.unscoped.filter(pk=document.pk).delete()
    there = Document.unscoped.using(other).get()
    there.save(using="default")
    assert titles("default") == ["Plan"]
    assert there.version == Change.objects.latest("pk").pk

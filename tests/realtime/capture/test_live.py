"""Versions, stamps and rows of the logs for live tables, whoever writes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from permissions.models import AccessChange
from realtime.models import Change
from resources.models import Document
from tenants.models import Tenant
from tests.databases import on_postgresql, only_on
from tests.realtime.capture.documents import CHANGES, CREATIONS, DELETIONS, TABLE, execute, insert
from tests.realtime.conftest import member
from tests.realtime.recorded import STAMPED, Recording, changes_of, stored

LABEL = "resources.document"

on_sqlite = only_on("sqlite", "PostgreSQL has no REPLACE.")


@pytest.mark.parametrize("way", CREATIONS)
def test_creation_begins_with_the_id_of_its_change_by(way: str, document: Document) -> None:
    last = Change.objects.latest("pk").pk
    CREATIONS[way](document)
    new = Document.objects.filter(tenant=document.tenant).exclude(pk=document.pk).get()
    [change] = Change.objects.filter(model=LABEL, object_id=new.pk)
    assert change.pk == change.version == new.version > last
    assert (change.tenant_id, change.creation, change.fields) == (document.tenant_id, True, None)


@pytest.mark.parametrize("way", CHANGES)
def test_change_is_recorded_with_its_fields_and_moves_the_stamp_by(
    way: str, document: Document
) -> None:
    recording, before = Recording(document), document.updated_at
    CHANGES[way](document)
    after = stored(document)
    assert recording.shows(STAMPED)
    assert (after.title, after.updated_at > before) == ("New", True)
    row = Change.objects.latest("pk")
    assert (row.tenant_id, row.creation) == (document.tenant_id, False)


@pytest.mark.parametrize("way", DELETIONS)
def test_deletion_is_an_access_change_and_no_change_by(way: str, document: Document) -> None:
    recorded, key, tenant_id = changes_of(document), document.pk, document.tenant_id
    last = AccessChange.objects.latest("pk").pk
    DELETIONS[way](document)
    rows = AccessChange.objects.filter(pk__gt=last, tenant_id=tenant_id)
    if way == "TRUNCATE":
        assert rows.filter(user_id=None, model=None, cause="truncated").exists()
    else:
        assert rows.filter(model=LABEL, object_id=key, cause="deleted").count() == 1
    assert changes_of(Document(pk=key)) == recorded


@pytest.mark.parametrize(
    "write",
    [
        "title = title",
        "title = 'Plan'",
        "version = 0",
        "version = version - 1",
        "version = version + 2",
        "version = 1000000000",
        "updated_at = '2001-01-01 00:00:00'",
        "title = 'Plan', version = 1",
    ],
)
def test_write_that_changes_nothing_is_no_change(document: Document, write: str) -> None:
    recording = Recording(document)
    execute(f"UPDATE {TABLE} SET {write}")
    assert recording.shows()
    assert stored(document).updated_at == document.updated_at


def test_version_raised_by_one_alone_passes_unrecorded(document: Document) -> None:
    """So are those raised that show another row; who raises them records that."""
    recording = Recording(document)
    execute(f"UPDATE {TABLE} SET version = version + 1")
    assert (recording.rows, recording.risen) == ([], 1)


@pytest.mark.parametrize("column", ["id", "tenant_id"])
def test_object_keeps_its_key_and_its_tenant(document: Document, column: str) -> None:
    other = Tenant.objects.create(slug="globex", name="Globex")
    recording = Recording(document)
    with pytest.raises(DatabaseError, match="keeps its key and its tenant"), transaction.atomic():
        execute(f"UPDATE {TABLE} SET {column} = %s", other.pk + 1_000)
    assert recording.shows()


def test_each_row_of_one_statement_is_compared_by_itself(document: Document) -> None:
    other = Document.objects.create(tenant=document.tenant, owner=document.owner, title="Other")
    recordings = [Recording(document), Recording(other)]
    execute(f"UPDATE {TABLE} SET title = 'Plan', body = 'Text'")
    assert recordings[0].shows()
    assert recordings[1].shows(["body", "title", "updated_at"])


def test_new_holder_and_the_one_before_are_touched(document: Document) -> None:
    heir, last = member("heir", document.tenant), AccessChange.objects.latest("pk").pk
    execute(f"UPDATE {TABLE} SET owner_id = %s", heir.pk)
    rows = AccessChange.objects.filter(pk__gt=last, cause="holder changed").order_by("pk")
    assert list(rows.values_list("tenant_id", "user_id", "model", "object_id")) == [
        (document.tenant_id, user, LABEL, document.pk) for user in (document.owner_id, heir.pk)
    ]


def test_title_touches_nobody(document: Document) -> None:
    rows = AccessChange.objects.count()
    execute(f"UPDATE {TABLE} SET title = 'New'")
    assert AccessChange.objects.count() == rows


def test_rolled_back_write_leaves_nothing(document: Document) -> None:
    recording = Recording(document)
    with transaction.atomic():
        execute(f"UPDATE {TABLE} SET title = 'New'")
        transaction.set_rollback(True)
    assert recording.shows()


@on_sqlite
def test_replaced_row_is_touched_and_begins_anew(document: Document) -> None:
    before, last = document.version, AccessChange.objects.latest("pk").pk
    insert(document, verb="INSERT OR REPLACE", key=document.pk)
    again = stored(document)
    assert again.title == "New"
    assert again.version > before
    assert changes_of(document)[-1] == (again.version, None)
    rows = AccessChange.objects.filter(pk__gt=last, model=LABEL, object_id=document.pk)
    assert rows.filter(cause="replaced").count() == 1


@on_sqlite
def test_row_replaced_by_another_unique_column_is_touched(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    card = library.Card.objects.create(tenant=acme, code="A")
    execute(
        "INSERT OR REPLACE INTO library_card (id, tenant_id, version, code, word, moved_at)"
        " VALUES (%s, %s, 0, 'A', '', %s)", card.pk + 1, acme.pk, card.moved_at,
    )  # fmt: skip
    rows = AccessChange.objects.filter(cause="replaced")
    assert list(rows.values_list("model", "object_id")) == [("library.card", card.pk)]


@pytest.mark.parametrize(("one", "other"), [("1", "true"), ("1", "1.0"), ("[0]", "[false]")])
def test_json_that_reads_otherwise_is_a_change(library: Any, one: str, other: str) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    card = library.Card.objects.create(tenant=acme, code="A")
    execute("UPDATE library_card SET data = %s", one)
    recording = Recording(card)
    execute("UPDATE library_card SET data = %s", other)
    execute("UPDATE library_card SET data = %s", other)
    assert recording.shows(["data"])


def test_computed_column_is_named_beside_its_source(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    card = library.Card.objects.create(tenant=acme, code="a")
    recording = Recording(card)
    execute("UPDATE library_card SET code = 'b'")
    execute("UPDATE library_card SET code = 'B'")
    assert recording.shows(["code", "shouted"], ["code"])


CONSTRAINT = '"shelf_id" bigint NULL REFERENCES "library_shelf" ("id")'


def let_the_database(act: str) -> None:
    """Have the database itself follow a deleted shelf."""
    if connection.vendor == "postgresql":
        execute(
            "ALTER TABLE library_book ADD FOREIGN KEY (shelf_id)"
            f" REFERENCES library_shelf ON DELETE {act}"
        )
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'library_book'")
        [sql] = cursor.fetchone()
    assert CONSTRAINT in sql
    execute("DROP TABLE library_book")
    execute(sql.replace(CONSTRAINT, f"{CONSTRAINT} ON DELETE {act}"))


@pytest.mark.parametrize("act", ["SET NULL", "CASCADE"])
def test_what_the_database_does_by_itself_is_recorded(library: Any, act: str) -> None:
    from realtime.capture.installing import install

    let_the_database(act)
    install()
    acme, shelf = Tenant.objects.create(slug="acme", name="Acme"), library.Shelf.objects.create()
    book = library.Book.objects.create(tenant=acme, title="A", shelf=shelf)
    recording = Recording(book)
    execute("DELETE FROM library_shelf")
    if act == "SET NULL":
        assert recording.shows(["shelf"])
    else:
        gone = AccessChange.objects.filter(model="library.book", object_id=book.pk)
        assert [row.cause for row in gone] == ["deleted"]


@on_postgresql
def test_what_a_trigger_of_somebody_elses_changes_after_ours_is_recorded(
    document: Document,
) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(
        "CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.review_notes := NEW.title; RETURN NEW; END'"
    )
    execute(
        f"CREATE TRIGGER zz_note BEFORE UPDATE ON {TABLE} FOR EACH ROW"
        " EXECUTE FUNCTION pg_temp.note()"
    )
    recording = Recording(document)
    execute(f"UPDATE {TABLE} SET title = title WHERE id = %s", document.pk)
    assert recording.shows(["review_notes"])
    execute(f"UPDATE {TABLE} SET title = 'New' WHERE id = %s", document.pk)
    assert recording.shows(["review_notes"], ["review_notes", "title", "updated_at"])


@on_postgresql
def test_trigger_of_somebody_elses_moves_no_object_to_another_tenant(document: Document) -> None:
    other = Tenant.objects.create(slug="globex", name="Globex")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(
        "CREATE FUNCTION pg_temp.move() RETURNS trigger LANGUAGE plpgsql AS"
        f" 'BEGIN NEW.tenant_id := {other.pk}; RETURN NEW; END'"
    )
    execute(
        f"CREATE TRIGGER zz_move BEFORE UPDATE ON {TABLE} FOR EACH ROW"
        " EXECUTE FUNCTION pg_temp.move()"
    )
    with pytest.raises(DatabaseError, match="keeps its key and its tenant"), transaction.atomic():
        execute(f"UPDATE {TABLE} SET title = 'New'")


@on_sqlite
def test_connection_whose_triggers_recurse_is_captured_too(document: Document) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA recursive_triggers = ON")
    try:
        recording, before = Recording(document), stored(document).updated_at
        execute(f"UPDATE {TABLE} SET title = 'New'")
        execute(f"UPDATE {TABLE} SET version = version + 1")
        execute(f"UPDATE {TABLE} SET budget = 5")
        assert recording.rows == [(1, STAMPED), (3, ["budget"])]
        assert (recording.risen, stored(document).updated_at > before) == (3, True)
        insert(document, verb="INSERT OR REPLACE", key=document.pk)
        assert changes_of(document)[-1] == (stored(document).version, None)
        with pytest.raises(DatabaseError, match="recursion"), transaction.atomic():
            execute(f"UPDATE {TABLE} SET updated_at = '2001-01-01'")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA recursive_triggers = OFF")


@on_sqlite
def test_row_that_an_update_replaces_is_touched(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    gone, other = (library.Card.objects.create(tenant=acme, code=code) for code in "AB")
    recording = Recording(other)
    execute("UPDATE OR REPLACE library_card SET code = 'A' WHERE id = %s", other.pk)
    rows = AccessChange.objects.filter(cause="replaced")
    assert list(rows.values_list("model", "object_id")) == [("library.card", gone.pk)]
    assert recording.shows(["code", "shouted"])

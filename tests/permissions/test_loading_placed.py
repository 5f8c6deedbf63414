"""Loading one object for writing where its tenant is in no column `tenant` of its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from permissions import ceiling, holders, loading, stored
from permissions.ceiling import AboveCeiling, Actor
from tenants.placed import TENANT
from tests.databases import only_on
from tests.keyed.models import Shelf
from tests.keyed.place import installed, keyed, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book(keyed: World) -> Any:
    """One on a shelf of acme."""
    shelf = Shelf.objects.create(tenant=keyed.tenants["acme"])
    return place_of(keyed, "book").create(1, "viewer", shelf=shelf)


def test_one_is_of_the_tenant_and_locked_in_one_statement(keyed: World, book: Any) -> None:
    books, acme = place_of(keyed, "book").resource, keyed.tenants["acme"].pk
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        assert loading.one(books, acme, book.pk, lock=True) == book
    [statement] = [q["sql"] for q in captured if q["sql"].startswith("SELECT")]
    assert ("FOR NO KEY UPDATE" in statement) == (connection.vendor == "postgresql")
    assert loading.one(books, keyed.tenants["globex"].pk, book.pk, lock=False) is None


def test_statement_that_cannot_be_written_is_no_fault_of_a_row(
    keyed: World, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = place_of(keyed, "book").resource
    monkeypatch.setitem(books.__dict__, "_loading", {})
    monkeypatch.setattr(stored, "tenant_name", lambda model: "nowhere")
    with pytest.raises(FieldError):
        loading.one(books, keyed.tenants["acme"].pk, book.pk, lock=False)


@only_on("sqlite", "PostgreSQL stores no such text.")
def test_one_that_cannot_be_read_has_its_tenant_and_version(keyed: World, book: Any) -> None:
    place, acme = place_of(keyed, "book"), keyed.tenants["acme"].pk
    place.raw("UPDATE {table} SET title = CAST(X'FF73' AS TEXT)")
    found = loading.one(place.resource, acme, book.pk, lock=False)
    assert found.title is loading.UNREADABLE
    assert vars(found)[TENANT] == acme
    assert stored.version_of(found) > 0


def test_holders_are_weighed_in_the_tenant_to_which_a_path_leads(keyed: World, book: Any) -> None:
    rows: models.QuerySet[Any] = models.QuerySet(type(book)).filter(pk=book.pk)
    editor = keyed.user("editor")
    with ceiling.acting(Actor(keyed.user("viewer").pk)), holders.weighed(rows, {"owner"}):
        rows.update(owner=editor)
    acting = ceiling.acting(Actor(keyed.user("viewer").pk))
    with pytest.raises(AboveCeiling), acting, holders.weighed(rows, {"owner"}):
        rows.update(owner=keyed.user("both"))
    assert rows.get().owner == editor

"""How many statements writes cost: what Django's cost, and those of the open transaction."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from resources.models import Document
from tenants.models import Tenant, User
from tests.realtime.conftest import member


def test_save_is_one_update_of_what_changed(
    document: Document, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    document.budget = Decimal("5.00")
    with django_assert_num_queries(1) as queries:
        document.save()
    assert queries[0]["sql"].startswith('UPDATE "resources_document" SET "budget" =')
    assert '"title"' not in queries[0]["sql"]


def test_save_of_nothing_is_no_statement(
    document: Document, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        document.save()


def test_save_again_is_one_update_though_version_and_stamp_are_not_loaded(
    document: Document, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        for title in ("B", "C"):
            document.title = title
            document.save()
    with django_assert_num_queries(1):
        assert document.version


def test_creation_is_one_insert(
    acme: Tenant, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        Document.objects.create(tenant=acme, owner=owner, title="A")


def test_update_is_one_statement(
    document: Document, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    mine, owner_id = Document.objects.filter(tenant=document.tenant), document.owner_id
    with django_assert_num_queries(1):
        mine.update(title="B", owner=owner_id)


def test_bulk_create_is_one_insert_in_its_transaction(
    acme: Tenant, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with CaptureQueriesContext(connection) as queries:
        Document.objects.bulk_create(Document(tenant=acme, owner=owner, title=t) for t in "ABC")
    assert [q["sql"][:6] for q in queries if "SAVEPOINT" not in q["sql"]] == ["INSERT"]


@pytest.mark.parametrize("how", ["only", "defer"])
def test_loading_some_fields_costs_no_statement_for_a_row(
    document: Document, how: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for title in "BCD":
        Document.objects.create(tenant=document.tenant, owner=document.owner, title=title)
    mine = Document.objects.filter(tenant=document.tenant)
    some: Any = mine.only("title") if how == "only" else mine.defer("owner", "body", "version")
    with django_assert_num_queries(1):
        rows = list(some)
    with django_assert_num_queries(len(rows)):
        for row in rows:
            row.body = row.title  # which was not loaded
            row.save()
    with django_assert_num_queries(len(rows)):
        for row in rows:
            row.owner_id = document.owner_id
            row.save(update_fields=["owner"])
    assert {row.body for row in mine} == {"Plan", "B", "C", "D"}


def test_foreign_key_that_was_loaded_or_saved_later_is_not_written_again(
    document: Document, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    part = Document.objects.filter(tenant=document.tenant).only("title").get()
    assert part.owner_id == document.owner_id
    some = Document.objects.filter(tenant=document.tenant).only("owner").get()
    some.owner = member("heir", document.tenant)
    some.save()
    with django_assert_num_queries(0):
        part.save()
        some.save()


def test_reading_again_some_fields_is_one_statement(
    document: Document, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        document.refresh_from_db(fields=["title"])
        document.refresh_from_db(fields=["owner", "version"])
        assert document.version
    document.title = "B"
    document.save()
    with django_assert_num_queries(1):
        document.refresh_from_db()
        assert (document.version, document.updated_at, document.title)[2] == "B"

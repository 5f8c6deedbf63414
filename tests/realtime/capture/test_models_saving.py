"""What `save` records of any object, with which version and stamps."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from permissions.representation import ObjectKey
from realtime.capture.committed import Committed
from realtime.publishing.publisher import publisher
from resources.models import Document
from tenants.models import Tenant
from tests.client import in_thread
from tests.realtime.conftest import member
from tests.realtime.recorded import STAMPED, Recording, stored

# What is recorded.


def test_save_records_the_changed_field_and_raises_the_version_by_one(document: Document) -> None:
    recording = Recording(document)
    document.budget = Decimal("5.00")
    document.save()
    assert recording.shows(["budget"])
    assert document.version == stored(document).version


def test_save_writes_nothing_when_nothing_differs(document: Document) -> None:
    recording = Recording(document)
    document.title = "Plan"
    document.save()
    document.save(force_update=True)
    assert recording.shows()


def test_each_save_has_a_version_of_its_own(document: Document) -> None:
    recording = Recording(document)
    for title in ("B", "Plan"):
        document.title = title
        document.save()
    assert recording.shows(STAMPED, STAMPED)


def test_transaction_is_told_once_with_the_first_version_of_all_its_saves(
    told: list[Committed], document: Document
) -> None:
    key, version = ObjectKey("resources.document", document.pk), document.version
    told.clear()
    with transaction.atomic():
        for title in ("B", "Plan"):
            document.title = title
            document.save()
    assert told == [Committed({(document.tenant_id, key): version + 1})]


@pytest.mark.django_db(transaction=True)
def test_rolled_back_save_tells_nothing_and_records_nothing(
    told: list[Committed], document: Document
) -> None:
    recording = Recording(document)
    told.clear()
    with transaction.atomic():
        document.title = "B"
        document.save()
        transaction.set_rollback(True)
    assert told == []
    assert recording.shows()


@pytest.mark.parametrize(
    ("value", "same"), [("5", Decimal("5.00")), (5, Decimal(5)), (5.0, Decimal(5))]
)
def test_value_of_another_type_is_compared_as_the_database_has_it(
    document: Document, value: Any, same: Decimal
) -> None:
    document.budget = value
    document.save()
    recording = Recording(document)
    for equal in (value, same):
        document.budget = equal
        document.save()
    assert recording.shows()


@pytest.mark.django_db(transaction=True)
async def test_async_writes_are_recorded_like_others() -> None:
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    owner = await in_thread(member)("owner", acme)
    document = await Document.objects.acreate(tenant=acme, owner=owner, title="Plan")
    await in_thread(publisher.flush)()
    recording = await in_thread(Recording)(document)
    document.title = "B"
    await document.asave()
    await document.asave(update_fields=["title"])
    assert await in_thread(lambda: recording.shows(STAMPED))()


def test_object_nobody_declared_is_recorded_without_grants(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    book = library.Book.objects.create(tenant=acme, title="A")
    recording = Recording(book)
    book.shelf = library.Shelf.objects.create()
    book.save()
    assert recording.shows(["shelf"])


def test_object_written_through_a_proxy_is_the_same_object(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    novel = library.Novel.objects.create(tenant=acme, title="A")
    recording = Recording(library.Book.objects.get(tenant=acme))
    novel.title = "B"
    novel.save()
    library.Novel.objects.filter(tenant=acme).update(title="C")
    assert recording.shows(["title"], ["title"])


# Stamps.


@pytest.mark.parametrize("field", ["title", "body", "status"])
def test_updated_at_moves_with_what_every_reader_sees(document: Document, field: str) -> None:
    before = timezone.now()
    recording = Recording(document)
    setattr(document, field, "draft2")
    document.save(update_fields=[field])
    assert before <= document.updated_at == stored(document).updated_at <= timezone.now()
    assert recording.shows(sorted([field, "updated_at"]))


@pytest.mark.parametrize(
    ("field", "value"),
    [("review_notes", "!"), ("due_on", date(2030, 1, 1)), ("budget", Decimal("9.00"))],
)
def test_updated_at_stands_still_for_what_some_readers_do_not_see(
    document: Document, field: str, value: Any
) -> None:
    before = document.updated_at
    setattr(document, field, value)
    document.save()
    assert stored(document).updated_at == before

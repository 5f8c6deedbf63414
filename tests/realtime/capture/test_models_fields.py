"""Which fields `save` writes, which it leaves alone and which it refuses."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Upper

from realtime.capture.saving import FixedField
from resources.models import Document
from tenants.models import Tenant
from tests.realtime.conftest import member
from tests.realtime.recorded import STAMPED, Recording, stored

# update_fields.


def test_update_fields_writes_only_what_it_names(document: Document) -> None:
    recording = Recording(document)
    document.budget, document.review_notes = Decimal("5.00"), "!"
    document.save(update_fields=["budget"])
    assert recording.shows(["budget"])
    assert stored(document).review_notes == ""
    document.save()
    assert recording.shows(["budget"], ["review_notes"])


def test_update_fields_may_name_a_field_by_its_column(document: Document, acme: Tenant) -> None:
    recording = Recording(document)
    document.owner = member("heir", acme)
    document.save(update_fields=["owner_id"])
    assert recording.shows(["owner"])


def test_update_fields_that_name_nothing_write_nothing(document: Document) -> None:
    recording = Recording(document)
    document.title = "B"
    document.save(update_fields=[])
    Document(tenant=document.tenant, owner=document.owner).save(update_fields=[])
    assert recording.shows()
    assert stored(document).title == "Plan"


def test_update_fields_may_name_the_tenant_that_stays(document: Document) -> None:
    recording = Recording(document)
    document.save(update_fields=["tenant", "title"])
    assert recording.shows()


@pytest.mark.parametrize("field", ["version", "id"])
def test_update_fields_cannot_name_what_no_write_may_change(document: Document, field: str) -> None:
    with pytest.raises(FixedField, match=rf"^Document\.{field} cannot be written"):
        document.save(update_fields=[field])


def test_assigned_version_is_never_written(document: Document) -> None:
    recording = Recording(document)
    document.version = 0
    document.save()
    document.budget = Decimal("5.00")
    document.save()
    assert recording.shows(["budget"])


def test_object_keeps_its_tenant(document: Document) -> None:
    document.tenant = Tenant.objects.create(slug="globex", name="Globex")
    with pytest.raises(FixedField), transaction.atomic():
        document.save()
    with pytest.raises(FixedField), transaction.atomic():
        document.save(update_fields=["tenant"])
    assert stored(document).tenant.slug == "acme"


def test_absent_row_is_not_made_by_an_update(document: Document) -> None:
    gone = stored(document)
    document.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        gone.save(update_fields=["title"])
    with pytest.raises(DatabaseError), transaction.atomic():
        gone.save(force_update=True)


def test_insert_and_update_cannot_both_be_forced(document: Document) -> None:
    document.title = "B"
    with pytest.raises(ValueError, match="force both"), transaction.atomic():
        document.save(force_insert=True, update_fields=["title"])
    with pytest.raises(ValueError, match="force both"), transaction.atomic():
        document.save(force_insert=True, force_update=True)
    assert stored(document).title == "Plan"


# Expressions and deferred fields.


@pytest.mark.parametrize(
    ("field", "expression", "value"),
    [
        ("title", Concat(F("title"), Value("!")), "Plan!"),
        ("title", Upper("title"), "PLAN"),
        ("budget", F("budget") + 1, Decimal("3.50")),
        ("due_on", F("due_on") + timedelta(days=1), date(2030, 1, 2)),
        ("owner_id", F("owner_id"), None),
        ("title", F("title"), None),
        ("budget", F("budget") * 1, None),
    ],
)
def test_expression_is_evaluated_and_recorded_only_if_it_changes_something(
    document: Document, field: str, expression: Any, value: Any
) -> None:
    document.budget, document.due_on = Decimal("2.50"), date(2030, 1, 1)
    document.save()
    recording = Recording(document)
    before = getattr(document, field)
    setattr(document, field, expression)
    document.save()
    assert getattr(document, field) == getattr(stored(document), field) == (value or before)
    assert recording.risen == (value is not None)


def test_expression_is_not_applied_again_by_the_next_save(document: Document) -> None:
    document.budget = Decimal("2.00")
    document.save()
    document.budget = F("budget") + 1
    document.save()
    document.save()
    assert stored(document).budget == 3


def test_deferred_fields_are_left_alone_until_they_are_assigned(document: Document) -> None:
    recording = Recording(document)
    only = Document.objects.filter(tenant=document.tenant).only("budget").get(pk=document.pk)
    only.budget = Decimal("5.00")
    only.save()
    only.title = "B"
    only.body = "Text"
    only.save()
    assert recording.shows(["budget"], STAMPED)


def test_deferred_field_is_recorded_when_assigned(document: Document) -> None:
    recording = Recording(document)
    later = Document.objects.filter(tenant=document.tenant).defer("body", "tenant").get()
    later.body = "New"
    later.save(update_fields=["body"])
    assert recording.shows(["body", "updated_at"])

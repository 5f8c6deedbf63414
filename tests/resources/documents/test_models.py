from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import ProtectedError

from resources.models import Document
from tests.world import World


@pytest.fixture
def document(place: World) -> Document:
    """One as a later request would load it."""
    return Document.objects.across_tenants().get(pk=place.document.pk)


def save(document: Document, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(document, name, value)
    document.save()


def update(document: Document, **fields: Any) -> None:
    Document.objects.across_tenants().filter(pk=document.pk).update(**fields)


def bulk_update(document: Document, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(document, name, value)
    Document.objects.bulk_update([document], list(fields))


@pytest.mark.parametrize("write", [save, update, bulk_update])
@pytest.mark.parametrize(
    ("fields", "moves"),
    [
        ({"title": "New"}, True),
        ({"body": "New"}, True),
        ({"status": "published"}, True),
        ({"budget": Decimal(1), "body": "New"}, True),
        ({"budget": Decimal(1)}, False),
        ({"review_notes": "Secret"}, False),
        ({"due_on": date(2026, 1, 1)}, False),
        ({"title": "Plan", "body": "Text", "status": "draft"}, False),
    ],
)
def test_updated_at_moves_with_the_text_and_nothing_else(
    document: Document, write: Callable[..., None], fields: dict[str, Any], moves: bool
) -> None:
    before = document.updated_at
    write(document, **fields)
    stored = Document.objects.across_tenants().get(pk=document.pk)
    assert (stored.updated_at > before) is moves
    assert {name: getattr(stored, name) for name in fields} == fields


def test_changed_owner_moves_no_clock(document: Document, place: World) -> None:
    before = document.updated_at
    save(document, owner=place.user("member"))
    assert Document.objects.across_tenants().get(pk=document.pk).updated_at == before


def test_new_document_has_the_defaults(place: World) -> None:
    document = Document.objects.across_tenants().get(pk=place.create().pk)
    assert (document.body, document.review_notes, document.status) == ("", "", "draft")
    assert (document.due_on, document.budget) == (None, None)
    assert abs((document.updated_at - document.created_at).total_seconds()) < 1


def test_document_is_called_by_its_title(place: World) -> None:
    assert str(place.document) == "Plan"


def test_owner_cannot_be_deleted_from_under_their_documents(place: World) -> None:
    with pytest.raises(ProtectedError):
        place.user("owner").delete()

"""What a creation writes and records: first versions, keys that are used again, and the owner."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from realtime.models import Change
from resources.models import Document
from tenants.models import Tenant, User
from tests.realtime.conftest import member
from tests.realtime.recorded import STAMPED, Recording, changes_of, owners, stored


def test_first_version_is_the_id_of_the_creations_change(acme: Tenant, owner: User) -> None:
    document = Document.objects.create(tenant=acme, owner=owner, title="Plan")
    change = Change.objects.get(model="resources.document", object_id=document.pk)
    assert document.version == stored(document).version == change.version == change.pk
    assert change.fields is None


def test_key_that_is_used_again_begins_above_its_old_versions(document: Document) -> None:
    for budget in range(3):
        document.budget = Decimal(budget)
        document.save()
    key, last = document.pk, document.version
    document.delete()
    again = Document(pk=key, tenant=document.tenant, owner=document.owner, title="Again")
    again.save()
    assert again.version > last


def test_instance_made_with_a_stored_key_replaces_that_row(document: Document) -> None:
    recording = Recording(document)
    twin = Document(
        pk=document.pk,
        tenant=document.tenant,
        owner=document.owner,
        title="Twin",
        body="Text",
        created_at=document.created_at,
        updated_at=document.updated_at,
    )
    twin.save()
    assert recording.shows(STAMPED)
    twin.budget = Decimal("1.00")
    twin.save()
    assert recording.shows(STAMPED, ["budget"])


def test_forced_insert_of_a_stored_key_fails_and_leaves_nothing(document: Document) -> None:
    recording = Recording(document)
    with pytest.raises(IntegrityError), transaction.atomic():
        document.save(force_insert=True)
    assert recording.shows()


def test_get_or_create_and_update_or_create_are_recorded(acme: Tenant, owner: User) -> None:
    objects = Document.objects
    document, created = objects.get_or_create(tenant=acme, title="A", defaults={"owner": owner})
    assert created
    recording = Recording(document)
    assert not objects.get_or_create(tenant=acme, title="A", defaults={"owner": owner})[1]
    objects.update_or_create(tenant=acme, title="A", defaults={"body": "B"})
    objects.update_or_create(tenant=acme, title="A", defaults={"body": "B"})
    assert recording.shows(["body", "updated_at"])
    other, created = objects.update_or_create(tenant=acme, title="Z", defaults={"owner": owner})
    assert created
    assert changes_of(other) == [(other.version, None)]


def test_creator_owns_and_a_new_owner_takes_over(document: Document, acme: Tenant) -> None:
    assert owners(document) == ["owner"]
    document.owner = member("heir", acme)
    document.save()
    assert owners(document) == ["heir"]

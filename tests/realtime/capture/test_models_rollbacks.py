"""What `save` writes after a rollback, and after a commit."""

from decimal import Decimal

import pytest
from django.db import transaction

from permissions.representation import ObjectKey
from realtime.capture.committed import Committed
from resources.models import Document
from tenants.models import Tenant, User
from tests.realtime.recorded import STAMPED, Recording, changes_of, stored


def check_another_writer_is_not_overwritten(document: Document) -> None:
    """Assert that a save of this instance leaves alone what another one wrote meanwhile."""
    other = stored(document)
    other.title = "C"
    other.save()
    document.budget = Decimal("5.00")
    document.save()
    assert stored(document).title == "C"


@pytest.mark.django_db(transaction=True)
def test_save_after_a_rollback_writes_what_was_rolled_back(document: Document) -> None:
    recording = Recording(document)
    with transaction.atomic():
        document.title = "B"
        document.save()
        transaction.set_rollback(True)
    document.save()
    assert recording.shows(STAMPED)
    assert stored(document).title == "B"


@pytest.mark.django_db(transaction=True)
def test_save_after_a_savepoint_rolled_back_writes_it_in_the_same_transaction(
    told: list[Committed], document: Document
) -> None:
    recording = Recording(document)
    told.clear()
    with transaction.atomic():
        with transaction.atomic():
            document.title = "B"
            document.save()
            transaction.set_rollback(True)
        document.save()
    assert recording.shows(STAMPED)
    key = ObjectKey("resources.document", document.pk)
    assert told == [Committed({(document.tenant_id, key): document.version})]


@pytest.mark.django_db(transaction=True)
def test_rolled_back_savepoint_is_remembered_after_the_transaction_committed(
    document: Document,
) -> None:
    """The field is written twice: the commit confirms the first write, not the one taken back."""
    with transaction.atomic():
        document.title = "B"
        document.save()
        with transaction.atomic():
            document.title = "C"
            document.save()
            transaction.set_rollback(True)
    assert stored(document).title == "B"
    document.save()
    assert stored(document).title == "C"


@pytest.mark.django_db(transaction=True)
def test_committed_save_is_not_written_again_over_another_writer(document: Document) -> None:
    document.title = "B"
    document.save()
    check_another_writer_is_not_overwritten(document)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fields", [None, ["title"]])
def test_refresh_after_a_rollback_forgets_what_was_rolled_back(
    document: Document, fields: list[str] | None
) -> None:
    with transaction.atomic():
        document.title = "B"
        document.save()
        transaction.set_rollback(True)
    document.refresh_from_db(fields=fields)
    check_another_writer_is_not_overwritten(document)


@pytest.mark.django_db(transaction=True)
def test_refresh_inside_the_transaction_forgets_nothing(document: Document) -> None:
    with transaction.atomic():
        document.title = "B"
        document.save()
        document.refresh_from_db()
        transaction.set_rollback(True)
    document.save()
    assert stored(document).title == "B"


@pytest.mark.django_db(transaction=True)
def test_creation_after_a_rollback_is_a_creation(acme: Tenant, owner: User) -> None:
    document = Document(tenant=acme, owner=owner, title="Plan")
    with transaction.atomic():
        document.save()
        transaction.set_rollback(True)
    document.save()
    assert changes_of(document) == [(document.version, None)]
    assert stored(document).version == document.version

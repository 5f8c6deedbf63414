"""What others write while `save` runs, and what the database computes of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Upper
from django.db.models.signals import post_save, pre_save

from resources.models import Document
from tenants.models import Tenant, User
from tests.realtime.recorded import STAMPED, Recording, changes_of, stored

transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receive() -> Iterator[Callable[..., None]]:
    """`receive(signal, receiver)` until the test ends."""
    connected: list[tuple[Any, Any]] = []

    def connect(signal: Any, receiver: Callable[..., object]) -> None:
        signal.connect(receiver, sender=Document)
        connected.append((signal, receiver))

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver, sender=Document)


@pytest.fixture
def card(library: Any) -> Any:
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    created = library.Card.objects.create(tenant=tenant, code="a", data={"n": 1}, word="Word")
    return stored(created)


def test_field_that_a_receiver_sets_is_written(
    document: Document, receive: Callable[..., None]
) -> None:
    receive(pre_save, lambda instance, **_: setattr(instance, "body", instance.title.upper()))
    recording = Recording(document)
    document.title = "B"
    document.save()
    assert stored(document).body == "B"
    assert recording.shows(["body", *STAMPED])


def test_receiver_that_changes_something_makes_a_save_of_nothing_one(
    document: Document, receive: Callable[..., None]
) -> None:
    receive(pre_save, lambda instance, **_: setattr(instance, "body", "New"))
    document.save()
    assert stored(document).body == "New"


def test_receivers_are_told_of_every_save_as_django_tells_them(
    document: Document, receive: Callable[..., None]
) -> None:
    told: list[tuple[bool, Any]] = []
    receive(post_save, lambda created, update_fields, **_: told.append((created, update_fields)))
    for title in ("B", "C"):
        document.title = title
        document.save()
    document.save(update_fields=["owner_id"])
    assert told == [(False, None), (False, None), (False, frozenset({"owner"}))]


def test_date_of_the_last_save_is_written_with_what_changed(card: Any) -> None:
    before, recording = card.moved_at, Recording(card)
    card.data = {"n": 2}
    card.save()
    assert stored(card).moved_at == card.moved_at > before
    assert recording.shows(["data", "moved_at"])


def test_what_a_field_writes_is_not_what_the_instance_has(card: Any) -> None:
    assert card.word == "word"
    card.word = "NEW"
    card.save()
    assert stored(card).word == "new"


@pytest.mark.parametrize("value", [{"n": True}, {"n": 1.0}, [1], None])
def test_json_that_reads_otherwise_is_written(card: Any, value: Any) -> None:
    card.data = value
    card.save()
    assert repr(stored(card).data) == repr(value)


def test_json_changed_in_place_is_written(card: Any) -> None:
    card.data["n"] = 2
    card.save()
    card.data["n"] = 3
    card.save()
    assert stored(card).data == {"n": 3}


def test_computed_column_is_loaded_again(card: Any) -> None:
    assert card.shouted == "A"
    card.code = "b"
    card.save()
    assert card.shouted == "B"


def test_stamp_that_somebody_sets_is_not_kept(document: Document) -> None:
    before, recording = document.updated_at, Recording(document)
    document.updated_at = document.created_at.replace(year=2001)
    document.save()
    assert document.updated_at == before
    assert recording.shows()


def test_version_and_stamp_are_what_another_writer_left(document: Document) -> None:
    other = stored(document)
    document.title = "B"
    document.save()
    other.title = "C"
    other.save()
    assert document.version == other.version
    assert document.updated_at == stored(document).updated_at


def test_created_and_created_in_bulk_alike_save_only_what_they_changed_since(
    acme: Tenant, owner: User
) -> None:
    made = Document.objects.create(tenant=acme, owner=owner, title="A")
    [bulk] = Document.objects.bulk_create([Document(tenant=acme, owner=owner, title="A")])
    for document in (made, bulk):
        other = stored(document)
        other.title = "Newer"
        other.save()
        document.body = "B"
        document.save()
        assert (stored(document).title, stored(document).body) == ("Newer", "B")
        assert document.version == stored(document).version


def test_copy_without_a_key_is_another_object(document: Document) -> None:
    key = document.pk
    document.pk, document.title = None, "Copy"
    document.save()
    assert document.pk != key
    assert changes_of(document) == [(document.version, None)]
    assert stored(Document(pk=key)).title == "Plan"


def test_save_of_a_row_that_is_gone_fails(document: Document) -> None:
    gone = stored(document)
    document.delete()
    gone.title = "B"
    with pytest.raises(DatabaseError), transaction.atomic():
        gone.save()
    assert not Document.objects.filter(tenant=document.tenant).exists()


def test_save_that_failed_writes_when_it_is_tried_again(
    document: Document, receive: Callable[..., None]
) -> None:
    fail = [True]

    def failing(**_: Any) -> None:
        if fail:
            raise RuntimeError(fail.pop())

    receive(post_save, failing)
    document.title = "B"
    with pytest.raises(RuntimeError), transaction.atomic():
        document.save()
    assert stored(document).title == "Plan"
    document.save()
    assert stored(document).title == "B"


def test_creation_that_failed_creates_when_it_is_tried_again(acme: Tenant, owner: User) -> None:
    missing: Any = None
    document = Document(tenant=acme, owner=owner, title=missing)
    with pytest.raises(IntegrityError), transaction.atomic():
        document.save()
    document.title = "A"
    document.save()
    assert changes_of(document) == [(document.version, None)]


def test_receiver_may_save_again(document: Document, receive: Callable[..., None]) -> None:
    def again(instance: Document, **_: Any) -> None:
        if instance.body != "Again":
            instance.body = "Again"
            instance.save()

    receive(post_save, again)
    recording = Recording(document)
    document.title = "B"
    document.save()
    assert (stored(document).title, stored(document).body) == ("B", "Again")
    assert document.version == stored(document).version
    assert recording.risen == 2
    document.save()
    assert recording.risen == 2


# After a rollback.


@transactional
def test_expression_is_evaluated_again_after_a_rollback(document: Document) -> None:
    document.budget = 1
    document.save()
    with transaction.atomic():
        document.budget, document.title = F("budget") + 1, Upper("title")
        document.save()
        transaction.set_rollback(True)
    document.save()
    assert (stored(document).budget, stored(document).title) == (2, "PLAN")
    document.save()
    assert stored(document).budget == 2


@transactional
def test_creation_and_what_followed_it_are_written_again_after_a_rollback(
    acme: Tenant, owner: User
) -> None:
    document = Document(tenant=acme, owner=owner, title=Upper(Value("plan")), body="A")
    with transaction.atomic():
        document.save()
        document.body = "B"
        document.save()
        transaction.set_rollback(True)
    document.save()
    after = stored(document)
    assert (after.title, after.body) == ("PLAN", "B")
    assert changes_of(document) == [(after.version, None)]


@transactional
def test_creation_in_a_savepoint_that_is_rolled_back_is_made_again(
    acme: Tenant, owner: User
) -> None:
    document = Document(tenant=acme, owner=owner, title="Plan")
    with transaction.atomic():
        with transaction.atomic():
            document.save()
            transaction.set_rollback(True)
        document.save()
        document.save()
    assert changes_of(document) == [(document.version, None)]


@transactional
def test_object_created_and_saved_in_one_transaction_is_not_written_twice(
    acme: Tenant, owner: User
) -> None:
    with transaction.atomic():
        document = Document.objects.create(tenant=acme, owner=owner, title="Plan")
        document.save()
        document.body = "B"
        document.save()
    assert [fields for _, fields in changes_of(document)] == [None, ["body", "updated_at"]]


@transactional
def test_where_somebody_else_commits_everything_is_written_again(document: Document) -> None:
    """Nobody tells then what became of a write."""
    other = stored(document)
    connection.set_autocommit(False)
    try:
        document.title = "B"
        document.save()
        connection.rollback()
        document.save()
        connection.commit()
    finally:
        connection.set_autocommit(True)
    assert stored(other).title == "B"

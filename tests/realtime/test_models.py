"""What `save` writes, records and leaves alone."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Upper
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from permissions.rendering import Ref
from realtime.models import Change
from realtime.outbox import outbox
from realtime.queryset import FixedField
from resources.models import Document, DocumentUserGrant
from tenants.models import Tenant, User
from tests.client import in_thread
from tests.realtime.conftest import Told, member
from tests.realtime.recorded import Recording, changes_of, stored

STAMPED = ["title", "updated_at"]


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


def test_transaction_is_told_once_with_the_versions_of_all_its_saves(
    document: Document,
    told: list[Told],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    ref, version = Ref("resources.document", document.pk), document.version
    with django_capture_on_commit_callbacks(execute=True):
        for title in ("B", "Plan"):
            document.title = title
            document.save()
    assert told == [
        [(document.tenant_id, ref, version + 1), (document.tenant_id, ref, version + 2)]
    ]


@pytest.mark.django_db(transaction=True)
def test_rolled_back_save_tells_nothing_and_records_nothing(
    document: Document, told: list[Told]
) -> None:
    recording = Recording(document)
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
    with pytest.raises(FixedField, match=rf"^Document\.{field} is not yours to write"):
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


# Stale instances and rollbacks.


def test_stale_save_does_not_put_old_values_back(document: Document) -> None:
    stale, fresh = stored(document), stored(document)
    recording = Recording(document)
    fresh.title = "New"
    fresh.save()
    stale.budget = Decimal("5.00")
    stale.save()
    assert recording.shows(STAMPED, ["budget"])
    assert stored(document).title == "New"
    assert stale.version == stored(document).version


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
    document: Document, told: list[Told]
) -> None:
    recording = Recording(document)
    with transaction.atomic():
        with transaction.atomic():
            document.title = "B"
            document.save()
            transaction.set_rollback(True)
        document.save()
    assert recording.shows(STAMPED)
    assert told == [
        [(document.tenant_id, Ref("resources.document", document.pk), document.version)]
    ]


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
    other = stored(document)
    other.title = "C"
    other.save()
    document.budget = Decimal("5.00")
    document.save()
    assert stored(document).title == "C"


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
    other = stored(document)
    other.title = "C"
    other.save()
    document.budget = Decimal("5.00")
    document.save()
    assert stored(document).title == "C"


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


# Creation.


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


@pytest.mark.django_db(transaction=True)
async def test_async_writes_are_recorded_like_others() -> None:
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    owner = await in_thread(member)("owner", acme)
    document = await Document.objects.acreate(tenant=acme, owner=owner, title="Plan")
    await in_thread(outbox.flush)()
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


# The owner.


def owners(document: Document) -> list[str]:
    rows = DocumentUserGrant.objects.filter(
        content_object=document, permission__codename="own_document"
    )
    return sorted(rows.values_list("user__username", flat=True))


def test_creator_owns_and_a_new_owner_takes_over(document: Document, acme: Tenant) -> None:
    assert owners(document) == ["owner"]
    document.owner = member("heir", acme)
    document.save()
    assert owners(document) == ["heir"]


# Two at once.


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_object_lose_nothing(document: Document) -> None:
    recording = Recording(document)
    loaded = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(change: Callable[[Document], None]) -> None:
        try:
            mine = stored(document)
            loaded.wait(10)
            change(mine)
            mine.save()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    changes: list[Callable[[Document], None]] = [
        lambda d: setattr(d, "title", "B"),
        lambda d: setattr(d, "budget", Decimal("5.00")),
    ]
    threads = [threading.Thread(target=write, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    after = stored(document)
    assert (after.title, after.budget) == ("B", 5)
    assert recording.risen == 2
    assert sorted(version for version, _ in recording.rows) == [1, 2]

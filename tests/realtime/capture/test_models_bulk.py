"""Bulk writes and writes of Django's own: recorded like saves."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Count, F, OuterRef, Subquery, Value
from django.db.models.functions import Concat
from guardian.shortcuts import assign_perm

from permissions.models import AccessChange
from realtime.capture.committed import Committed
from realtime.models import Change
from realtime.publishing.publisher import publisher
from resources.models import Document, Profile
from tenants.models import Membership, Tenant, User
from tenants.scoping import TenantMissing
from tests.client import in_thread
from tests.realtime.conftest import member
from tests.realtime.recorded import STAMPED, Recording, changes_of, stored


@pytest.fixture
def mine(document: Document) -> Any:
    """All documents of the tenant: three, of which `document` is one."""
    for title in ("Other", "Third"):
        Document.objects.create(tenant=document.tenant, owner=document.owner, title=title)
    return Document.objects.filter(tenant=document.tenant)


# update


def test_update_records_only_the_rows_that_really_change(mine: Any) -> None:
    recordings = {d.title: Recording(d) for d in mine}
    assert mine.update(title="Plan") == 3
    assert recordings["Plan"].shows()
    assert recordings["Other"].shows(STAMPED)
    assert recordings["Third"].shows(STAMPED)


def test_update_records_for_each_row_which_fields_it_changed(mine: Any) -> None:
    recordings = {d.title: Recording(d) for d in mine}
    mine.filter(title="Other").update(body="B")
    mine.update(title="Plan", body="B")
    assert recordings["Plan"].shows(["body", "updated_at"])
    assert recordings["Other"].shows(["body", "updated_at"], STAMPED)
    assert recordings["Third"].shows(["body", "title", "updated_at"])


def test_update_is_told_at_once(told: list[Committed], mine: Any) -> None:
    told.clear()
    mine.update(body="B")
    [committed] = told
    assert {(key.pk, v) for (_, key), v in committed.changed.items()} == {
        (d.pk, d.version) for d in mine
    }


@pytest.mark.parametrize(("body", "moves"), [("New", True), ("Text", False)])
def test_update_moves_updated_at_only_where_it_changes_something(
    document: Document, body: str, moves: bool
) -> None:
    rows = Document.objects.filter(tenant=document.tenant)
    rows.update(body=body, review_notes="!", budget=5, due_on=date(2030, 1, 1))
    assert (stored(document).updated_at > document.updated_at) is moves


def test_update_evaluates_expressions_for_each_row(mine: Any) -> None:
    recordings = {d.title: Recording(d) for d in mine}
    mine.update(title=Concat(F("title"), Value("!")), body=F("body"))
    assert sorted(d.title for d in mine.all()) == ["Other!", "Plan!", "Third!"]
    assert all(recording.shows(STAMPED) for recording in recordings.values())


def test_update_through_joins_counts_and_annotations_is_recorded(
    mine: Any, document: Document, acme: Tenant
) -> None:
    recording = Recording(document)
    member("rich", acme)
    document.owner = User.objects.get(username="rich")
    document.save()
    for who in (document.owner, Group.objects.create(name="readers")):
        assign_perm("view_document", who, document)
    mine.filter(owner__username="rich").update(body="1")
    mine.annotate(grants=Count("documentusergrant")).filter(grants=1).update(body="2")
    name = Profile.objects.filter(tenant=acme, user=OuterRef("owner")).values("display_name")
    mine.annotate(named=Subquery(name)).filter(named="rich").update(body=F("named"))
    mine.filter(documentgroupgrant__isnull=False, title="Plan").distinct().update(body="4")
    assert stored(document).body == "4"
    assert recording.risen == 5


def test_update_may_be_ordered_but_not_sliced(mine: Any, document: Document) -> None:
    recording = Recording(document)
    assert mine.order_by("-title").update(body="B") == 3
    assert recording.risen == 1
    with pytest.raises(TypeError), transaction.atomic():
        mine[:1].update(body="C")
    assert recording.risen == 1


def test_update_reads_its_queryset_again(mine: Any) -> None:
    assert {d.body for d in mine} == {"Text", ""}
    mine.update(body="B")
    assert {d.body for d in mine} == {"B"}


def test_update_without_a_tenant_is_refused(document: Document) -> None:
    with pytest.raises(TenantMissing), transaction.atomic():
        Document.objects.update(title="B")
    assert stored(document).title == "Plan"


@pytest.mark.parametrize("field", ["tenant", "id"])
def test_update_of_what_no_write_may_change_is_refused(document: Document, field: str) -> None:
    Tenant.objects.create(slug="globex", name="Globex")
    recording = Recording(document)
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.filter(tenant=document.tenant).update(**{field: document.pk + 1})
    assert recording.shows()


def test_update_of_the_version_is_overruled(document: Document) -> None:
    recording = Recording(document)
    Document.objects.filter(tenant=document.tenant).update(version=1)
    assert recording.shows()
    Document.objects.filter(tenant=document.tenant).update(version=1, title="B")
    assert recording.shows(STAMPED)


def test_update_of_the_owner_touches_both(mine: Any, document: Document, acme: Tenant) -> None:
    heir, last = member("heir", acme), AccessChange.objects.latest("pk").pk
    mine.filter(pk=document.pk).update(owner=heir)
    rows = AccessChange.objects.filter(pk__gt=last, object_id=document.pk, cause="holder changed")
    assert {row.user_id for row in rows} == {document.owner_id, heir.pk}
    assert changes_of(document)[-1][1] == ["owner"]


@pytest.mark.django_db(transaction=True)
async def test_async_update_is_recorded() -> None:
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    owner = await in_thread(member)("owner", acme)
    new = [Document(tenant=acme, owner=owner, title="Plan")]
    [document] = await Document.objects.abulk_create(new)
    await in_thread(publisher.flush)()
    recording = await in_thread(Recording)(document)
    await Document.objects.filter(tenant=acme).aupdate(title="B")
    assert await in_thread(lambda: recording.shows(STAMPED))()


# bulk_create and bulk_update


def test_bulk_create_gives_first_versions_and_changes(acme: Tenant, owner: User) -> None:
    new = [Document(tenant=acme, owner=owner, title=title) for title in "ABC"]
    created = Document.objects.bulk_create(new)
    for document in created:
        assert changes_of(document) == [(document.version, None)]
        assert stored(document).version == document.version
        assert Change.objects.get(pk=document.version).object_id == document.pk


def test_bulk_create_of_two_tenants_records_each_in_its_own(owner: User, acme: Tenant) -> None:
    globex = Tenant.objects.create(slug="globex", name="Globex")
    Document.objects.bulk_create(
        Document(tenant=tenant, owner=owner, title="A") for tenant in (acme, globex)
    )
    rows = Change.objects.filter(model="resources.document").order_by("pk")
    assert list(rows.values_list("tenant__slug", flat=True)) == ["acme", "globex"]


def test_bulk_create_of_nothing_records_nothing(db: None) -> None:
    assert Document.objects.bulk_create([]) == []
    assert not Change.objects.exists()


def test_bulk_create_may_ignore_conflicts(document: Document) -> None:
    recording = Recording(document)
    new = {"tenant": document.tenant, "owner": document.owner, "title": "B"}
    Document.objects.bulk_create(
        [Document(pk=document.pk, **new), Document(**new)], ignore_conflicts=True
    )
    assert recording.shows()
    [other] = Document.objects.filter(tenant=document.tenant, title="B")
    assert changes_of(other) == [(other.version, None)]


def test_bulk_create_may_update_conflicts(document: Document) -> None:
    recording = Recording(document)
    new = {"tenant": document.tenant, "owner": document.owner, "title": "B"}
    made = [Document(pk=document.pk, **new), Document(pk=document.pk + 1, **new)]
    Document.objects.bulk_create(
        made, update_conflicts=True, update_fields=["title"], unique_fields=["id"]
    )
    assert recording.shows(STAMPED)
    assert changes_of(made[1]) == [(made[1].version, None)]
    assert made[0].version == stored(document).version


def test_bulk_update_is_recorded(mine: Any, acme: Tenant) -> None:
    heir = member("heir", acme)
    documents = list(mine.order_by("pk"))
    recordings = [Recording(d) for d in documents]
    for number, document in enumerate(documents):
        document.title = "Plan"
        document.budget = Decimal(number)
    documents[2].owner = heir
    Document.objects.bulk_update(documents, ["title", "budget", "owner"])
    assert recordings[0].shows(["budget"])
    assert recordings[1].shows(["budget", *STAMPED])
    assert recordings[2].shows(["budget", "owner", *STAMPED])


def test_version_that_bulk_update_writes_is_overruled(document: Document) -> None:
    recording = Recording(document)
    document.version = 0
    Document.objects.bulk_update([document], ["version"])
    assert recording.shows()


# Deletions: an access change for the object, and no version.


def deletions() -> list[tuple[str | None, int | None]]:
    rows = AccessChange.objects.filter(cause="deleted").order_by("object_id")
    return list(rows.values_list("model", "object_id"))


@pytest.mark.parametrize(
    "delete",
    [
        lambda d: d.delete(),
        lambda d: Document.objects.filter(tenant=d.tenant).delete(),
        lambda d: (Document.objects.filter(tenant=d.tenant).delete(), d.tenant.delete()),
    ],
    ids=["instance", "queryset", "tenant"],
)
def test_deletion_is_one_access_change_for_the_object(
    document: Document, delete: Callable[[Document], None]
) -> None:
    gone = ("resources.document", document.pk)
    recorded = changes_of(document)
    delete(stored(document))
    assert deletions().count(gone) == 1
    document = Document(pk=gone[1])
    assert changes_of(document) == recorded


def test_deletion_of_a_tenant_takes_its_objects(document: Document) -> None:
    gone = ("resources.document", document.pk)
    document.tenant.delete()
    assert gone in deletions()
    assert not Document.objects.across_tenants().exists()


def test_deletion_of_a_membership_takes_the_profile(document: Document, owner: User) -> None:
    profile = Profile.objects.get(tenant=document.tenant, user=owner)
    Membership.objects.get(user=owner).delete()
    assert deletions() == [("resources.profile", profile.pk)]


# What Django itself writes.


def test_reverse_manager_writes_are_recorded(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    shelf = library.Shelf.objects.create()
    book, other = (library.Book.objects.create(tenant=acme, title=title) for title in "AB")
    recordings = [Recording(book), Recording(other)]
    books = shelf.books(manager="unscoped")
    books.add(book)
    books.set([book, other])
    books.remove(book)
    books.clear()
    books.clear()
    assert recordings[0].shows(["shelf"], ["shelf"])
    assert recordings[1].shows(["shelf"], ["shelf"])
    made = shelf.books.create(tenant=acme, title="C")
    assert changes_of(made) == [(made.version, None)]


def test_deleted_target_of_a_nullable_key_is_recorded(library: Any) -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    shelf = library.Shelf.objects.create()
    book = library.Book.objects.create(tenant=acme, title="A", shelf=shelf)
    recording = Recording(book)
    shelf.delete()
    assert recording.shows(["shelf"])
    assert stored(book).shelf is None

import pytest

from resources.audiences import DOCUMENTS
from resources.documents.audiences import owned_by, with_owner_name
from resources.models import Document, Profile
from tenants.models import Membership
from tests.world import World

SEEN = ["id", "title", "body", "status", "owner_name", "updated_at"]
TEXT = {"title", "body", "status", "review_notes", "due_on"}


@pytest.mark.parametrize(
    ("name", "permission", "payload", "writes", "deletes", "grants"),
    [
        (
            "owner",
            "own_document",
            [*SEEN, "review_notes", "due_on", "budget"],
            {*TEXT, "budget"},
            True,
            True,
        ),
        ("editor", "change_document", [*SEEN, "review_notes", "due_on"], TEXT, False, False),
        ("viewer", "view_document", SEEN, set(), False, False),
        (
            "auditor",
            "audit_document",
            ["id", "title", "status", "owner_name", "created_at"],
            set(),
            False,
            False,
        ),
    ],
)
def test_audience_is_as_the_protocol_has_it(
    name: str, permission: str, payload: list[str], writes: set[str], deletes: bool, grants: bool
) -> None:
    audience = DOCUMENTS.audience(name)
    assert audience is not None
    assert (audience.permission, list(audience.fields)) == (permission, payload)
    assert (set(audience.writes), audience.deletes, audience.grants) == (writes, deletes, grants)


def test_audiences_are_in_order() -> None:
    assert [a.name for a in DOCUMENTS.audiences] == ["owner", "editor", "viewer", "auditor"]


def owner_name(document: Document) -> str:
    rows = with_owner_name(Document.objects.across_tenants().filter(pk=document.pk))
    name: str = rows.get().owner_name
    return name


def test_owner_name_is_that_of_the_profile_in_the_same_tenant(place: World) -> None:
    Profile.objects.filter(tenant=place.tenants["globex"], user=place.user("both")).update(
        display_name="Foreign"
    )
    Profile.objects.filter(tenant=place.tenants["acme"], user=place.user("both")).update(
        display_name="Berta"
    )
    assert owner_name(place.create(owner="both")) == "Berta"
    assert owner_name(place.create("globex", "both")) == "Foreign"


def test_owner_who_left_has_no_name(place: World) -> None:
    Membership.objects.filter(user=place.user("owner")).delete()
    assert owner_name(place.document) == ""


def test_profile_is_shown_by_the_documents_of_its_person_in_its_tenant(place: World) -> None:
    own = place.create(owner="both")
    place.create("globex", "both")
    assert [d.pk for d in owned_by([place.profile("both")])] == [own.pk]
    profiles = [place.profile("both"), place.profile("owner")]
    assert {d.pk for d in owned_by(profiles)} == {own.pk, place.document.pk}
    assert list(owned_by([])) == []

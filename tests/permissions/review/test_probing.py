"""The probe finds what is shown and not declared, whichever way it goes; nothing of it stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F, OuterRef, Subquery
from django.test import override_settings
from rest_framework import serializers

from permissions.audiences import Audience, Shows
from permissions.models import AccessChange
from permissions.review.filling import canaries
from permissions.review.findings import Findings, lines
from permissions.review.probing import probe
from permissions.review.scene import Scene
from permissions.snapshot import rehearsal
from resources.audiences import DOCUMENTS
from resources.models import Document, Profile
from tenants.models import Tenant, User
from tests.permissions.review.probed import (
    OWN,
    TEXT,
    Plain,
    documents,
    faults,
    nothing,
    viewer,
)
from tests.world import World

pytestmark = pytest.mark.django_db


def test_honest_declaration_is_right() -> None:
    found = probe([documents(viewer("due_on", "status"))])
    assert (found.faults, found.missed) == ([], [])
    [line] = lines(found)
    assert line.startswith("Tried 4 of 4 fields of audiences. Each shows what is declared, ")


@pytest.mark.parametrize(
    "code",
    [
        lambda self: f"{self.title} {self.budget}",
        lambda self: f"{self.title} {hash(self.budget)}",
        lambda self: self.title + "!" * int(self.budget * 100 % 7),
    ],
)
def test_secret_in_a_method_that_is_declared_harmless_is_found(
    monkeypatch: pytest.MonkeyPatch, code: Any
) -> None:
    """Also when no canary comes out as it was."""
    monkeypatch.setattr(Document, "teaser", property(code), raising=False)
    assert faults(documents(viewer(teaser=TEXT), shows=(OWN,))) == [
        "resources.document: viewer: teaser: shows resources.document.budget, which nobody declared"
    ]


def test_length_of_a_secret_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    size = property(lambda self: f"{self.title} {len(self.review_notes)}")
    monkeypatch.setattr(Document, "teaser", size, raising=False)
    [fault] = faults(documents(viewer(teaser=TEXT), shows=(OWN,)))
    assert "teaser: shows resources.document.review_notes, which nobody" in fault


def test_secret_in_what_prepare_annotates_is_found() -> None:
    honest = documents(
        viewer(teaser=TEXT), shows=(OWN,), prepare=lambda rows: rows.annotate(teaser=F("title"))
    )
    assert faults(honest) == []
    found = faults(replace(honest, prepare=lambda rows: rows.annotate(teaser=F("review_notes"))))
    assert [fault.split("teaser: ")[1] for fault in found] == [
        "does not show resources.document.title, which is declared",
        "shows resources.document.review_notes, which nobody declared",
    ]


def names(documents: Any, column: str) -> Any:
    profiles = Profile.objects.filter(tenant=OuterRef("tenant"), user=OuterRef("owner"))
    return documents.annotate(owner_name=Subquery(profiles.values(column)[:1]))


def owned_by(profiles: list[Any]) -> Any:
    return Document.objects.across_tenants().filter(owner__in=[p.user_id for p in profiles])


def test_column_of_another_row_that_is_not_declared_is_found() -> None:
    name = Shows("owner_name", Profile, ("display_name",), owned_by, by=("owner",))
    honest = documents(
        viewer(owner_name=TEXT), shows=(name,), prepare=lambda rows: names(rows, "display_name")
    )
    assert faults(honest) == []
    found = faults(replace(honest, prepare=lambda rows: names(rows, "phone")))
    assert sorted(fault.split("owner_name: ")[1] for fault in found) == [
        "does not show resources.profile.display_name, which is declared",
        "shows resources.profile.phone, which nobody declared",
    ]


def test_another_row_that_is_declared_nowhere_is_found() -> None:
    """The e-mail of whoever owns it, through the foreign key."""
    email = serializers.CharField(source="owner.email", read_only=True)
    shows = Shows("teaser", Document, ("title",), nothing)
    found = faults(documents(viewer(teaser=email), shows=(shows,)))
    undeclared = "teaser: shows earshot_tenants.user.email, which nobody declared"
    assert any(undeclared in f for f in found)


def test_field_that_a_rule_forbids_is_found_though_it_is_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Document, "teaser", property(lambda self: self.body), raising=False)
    own = replace(OWN, fields=("body",))
    found = faults(documents(viewer(teaser=TEXT), shows=(own,), never={"body": ("viewer",)}))
    [fault] = found
    assert fault.endswith("teaser: shows resources.document.body, which viewer never may see")


def test_serializer_that_asks_who_reads_fails_with_its_name() -> None:
    class Asking(serializers.CharField):
        def to_representation(self, value: Any) -> str:
            return str(self.context["request"].user)

    [fault] = faults(documents(viewer(title=Asking(read_only=True))))
    assert fault.startswith("resources.document: viewer: cannot be shown: SerializerKnowsUser: ")
    assert "asked its context for 'request'" in fault
    assert "Plain" in fault


def test_field_that_is_declared_to_show_nothing_shows_nothing_or_is_found() -> None:
    def prepare(rows: Any) -> Any:
        return rows.annotate(teaser=F("title"))

    hidden = viewer(teaser=TEXT, note=serializers.CharField(write_only=True, required=False))
    found = probe([documents(hidden, prepare=prepare)])
    [fault] = found.faults
    assert "teaser: shows resources.document.title, " in str(fault)
    [missed] = found.missed
    assert (missed[-1], found.reasons(missed)) == ("teaser", "it has no column")


def test_column_that_keeps_its_canary_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(column: Any, number: int) -> Any:
        return ("canary", None) if column.name == "title" else canaries(column, number)

    monkeypatch.setattr("permissions.review.scene.canaries", one)
    found = probe([documents(viewer())])
    [missed] = found.missed
    assert found.reasons(missed) == "resources.document.title: IntegrityError"


def test_rows_are_made_with_the_rows_that_they_need() -> None:
    with rehearsal():
        scene = Scene(Findings())
        assert scene.make(Permission).content_type.model.startswith("canary")
        assert scene.make(Document).owner == scene.holder
        assert scene.target(Permission._meta.get_field("content_type"), 0) is None


def test_key_that_is_shown_is_found() -> None:
    [fault] = faults(
        documents(viewer(number=serializers.IntegerField(source="id", read_only=True)))
    )
    assert fault.endswith("viewer: number: shows the key, and not the opaque id")


def test_rest_that_shows_more_than_the_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from resources.documents.views import DocumentViewSet

    inner = DocumentViewSet.answer_read

    def more(self: Any, pk: int) -> Any:
        answer = inner(self, pk)
        answer["X-Notes"] = Document.objects.filter(tenant=self.request.tenant).get(pk=pk).body
        return answer

    monkeypatch.setattr(DocumentViewSet, "answer_read", more)
    found = faults(DOCUMENTS)
    column = "resources.document.body"
    assert found == [
        f"resources.document: auditor: REST retrieve holds the canary of {column}",
        f"resources.document: auditor: REST retrieve differs with {column}, which nobody declared",
    ]


def test_rest_that_shows_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from resources.documents.views import DocumentViewSet

    monkeypatch.setattr(
        DocumentViewSet, "answer_read", lambda self, pk: self.answer(self.representation(
            DOCUMENTS.audiences[3], pk))
    )  # fmt: skip
    text = "REST retrieve shows something else than is read"
    found = [fault for fault in faults(DOCUMENTS) if fault.endswith(text)]
    assert found == [
        f"resources.document: {name}: {text}" for name in ("owner", "editor", "viewer")
    ]


def test_audience_that_nobody_reaches_is_not_tried() -> None:
    """Each role has an audience before it."""
    owner = Audience("owner", "own_document", Plain)
    everybody = dict.fromkeys(("admin", "member", "reviewer"), "owner")
    found = probe([documents(owner, viewer(), roles=everybody)])
    assert found.missed == [
        ("resources.document", "viewer", "id"),
        ("resources.document", "viewer", "title"),
    ]
    said = list(lines(found))
    assert said[0] == (
        "not tried  resources.document: viewer: id (resources.document.viewer: nobody can be in "
        "this audience and in none before it)."
    )
    assert said[-1].startswith("Tried 2 of 4 fields of audiences.")


def test_row_that_no_object_shows_is_not_tried() -> None:
    name = Shows("owner_name", Profile, ("display_name",), nothing)
    honest = documents(
        viewer(owner_name=TEXT), shows=(name,), prepare=lambda rows: names(rows, "display_name")
    )
    found = probe([honest])
    assert found.missed == [("resources.document", "viewer", "owner_name")]
    assert found.unfilled["resources.profile", "display_name"] == "no row is shown by the object"


def test_objects_that_must_have_a_value_to_be_visible_have_it() -> None:
    found = probe([documents(viewer("status"), visible_by={"status": "archived"})])
    assert (found.faults, found.missed) == ([], [])


def test_nothing_of_it_stays(world: World) -> None:
    before = [list(model._base_manager.values()) for model in (User, Tenant, Document, Profile)]
    log = AccessChange.objects.count()
    assert probe().faults == []
    after = [list(model._base_manager.values()) for model in (User, Tenant, Document, Profile)]
    assert (after, AccessChange.objects.count()) == (before, log)


def test_resource_without_an_address_is_shown_to_the_socket_alone() -> None:
    with override_settings(ROOT_URLCONF="tests.permissions.review.no_urls"):
        found = probe([DOCUMENTS])
    assert (found.faults, found.missed) == ([], [])


def test_columns_of_every_kind_are_tried(shop: World) -> None:
    from tests.permissions.shop.urls import ITEMS

    found = probe([ITEMS])
    assert {name for _, audience, name in found.missed if audience == "keeper"} == {
        "belongs_to", "beside", "group",
    }  # fmt: skip
    assert {fault.text.split(" ")[0] for fault in found.faults} <= {"shows", "does"}

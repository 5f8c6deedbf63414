from collections.abc import Callable
from typing import Any

import pytest
from django.db import models
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model

from permissions.audiences import Audience, NoGrantTable, Registry, Resource, UnknownModel, as_is
from permissions.audiences import registry as real_registry
from permissions.models import Guarded
from permissions.serializers import AudienceSerializer
from resources.audiences import DOCUMENTS, PROFILES
from resources.documents.serializers import ViewerSerializer
from resources.models import Document, Profile
from tenants.models import User


class Bare(Guarded):
    """A model without permission tables."""

    name = models.CharField(max_length=10)

    class Meta(Guarded.Meta):
        app_label = "tests"

    def __str__(self) -> str:
        return self.name


def audience(name: str) -> Audience:
    found = DOCUMENTS.audience(name)
    assert found is not None
    return found


def test_registry_finds_a_resource_by_label_and_by_model() -> None:
    registry = Registry()
    assert registry.register(DOCUMENTS) is DOCUMENTS
    assert registry.get("resources.document") is registry.of(Document) is DOCUMENTS
    assert "resources.document" in registry
    assert list(registry) == [DOCUMENTS]


@pytest.mark.parametrize("label", ["resources.profile", "resources.Document", "", "x" * 1000])
def test_registry_names_the_model_that_nobody_declared(label: str) -> None:
    registry = Registry()
    registry.register(DOCUMENTS)
    with pytest.raises(UnknownModel, match="declare it") as caught:
        registry.get(label)
    assert caught.value.label == label
    assert label not in registry


def test_second_declaration_replaces_the_first() -> None:
    registry = Registry()
    registry.register(DOCUMENTS)
    other = Resource(model=Document, audiences=())
    registry.register(other)
    assert list(registry) == [other]
    registry.unregister(other)
    assert list(registry) == []


def test_declared_apps_are_found_at_start() -> None:
    assert {resource.label for resource in real_registry} >= {
        "resources.document",
        "resources.profile",
    }


def test_user_is_in_the_first_audience_whose_permission_they_hold() -> None:
    assert DOCUMENTS.permissions == (
        "own_document",
        "change_document",
        "view_document",
        "audit_document",
    )
    assert DOCUMENTS.first(["audit_document", "view_document"]) == audience("viewer")
    assert DOCUMENTS.first({"view_document", "own_document"}) == audience("owner")
    assert DOCUMENTS.first(["delete_document"]) is None
    assert DOCUMENTS.first(()) is None


def test_unknown_audience_is_none() -> None:
    assert DOCUMENTS.audience("member") is None


@pytest.mark.django_db
@pytest.mark.parametrize("resource", [DOCUMENTS, PROFILES])
def test_permission_tables_are_those_that_guardian_finds(resource: Resource) -> None:
    model: Any = resource.model
    assert resource.user_grants is get_user_obj_perms_model(model)
    assert resource.group_grants is get_group_obj_perms_model(model)


@pytest.mark.parametrize("table", ["user_grants", "group_grants"])
def test_model_without_permission_tables_is_told_what_it_needs(table: str) -> None:
    resource = Resource(model=Bare, audiences=())
    with pytest.raises(NoGrantTable, match=r"tests\.bare needs a .*content_object") as caught:
        getattr(resource, table)
    assert caught.value.label == "tests.bare"
    assert caught.value.base.startswith(table.split("_")[0].capitalize())


def test_prepare_does_nothing_unless_told() -> None:
    queryset = Document.objects.none()
    assert Resource(model=Document, audiences=()).prepare is as_is
    assert as_is(queryset) is queryset


def test_sources_name_the_model_fields_behind_each_payload_field() -> None:
    assert DOCUMENTS.depends_on["title"] == {"title"}
    assert DOCUMENTS.depends_on["owner_name"] == {"owner_name", "owner"}
    assert PROFILES.depends_on["username"] == {"username", "user"}
    assert PROFILES.depends_on["id"] == {"pk"}


def test_sources_of_a_field_are_those_of_all_audiences() -> None:
    class Renamed(AudienceSerializer):
        class Meta:
            model = Document
            fields = ("title",)
            extra_kwargs = {"title": {"source": "body"}}

    class Plain(AudienceSerializer):
        class Meta:
            model = Document
            fields = ("title",)

    audiences = (
        Audience("a", "own_document", Renamed),
        Audience("b", "view_document", Plain),
    )
    assert Resource(model=Document, audiences=audiences).depends_on == {"title": {"title", "body"}}


@pytest.mark.parametrize(
    ("name", "fields", "changed"),
    [
        ("viewer", {"title"}, ("title",)),
        ("viewer", {"status", "title", "budget"}, ("title", "status")),
        ("viewer", {"budget", "review_notes"}, ()),
        ("viewer", {"owner"}, ("owner_name",)),
        ("viewer", {"owner_name"}, ("owner_name",)),
        ("viewer", set[str](), ()),
        ("auditor", {"body", "updated_at"}, ()),
        ("owner", {"budget", "due_on"}, ("due_on", "budget")),
        ("viewer", None, ViewerSerializer.Meta.fields),
    ],
)
def test_changed_names_in_order_only_what_the_audience_sees(
    name: str, fields: set[str] | None, changed: tuple[str, ...]
) -> None:
    assert DOCUMENTS.changed(audience(name), fields) == changed


def another(make: Callable[[], tuple[str, ...]], name: str = "viewer") -> Audience:
    class Other(AudienceSerializer):
        class Meta:
            model = Document
            fields = make()

    return Audience(name, "view_document", Other)


def test_schema_differs_with_name_fields_and_their_order() -> None:
    here = audience("viewer")
    fields = here.fields
    assert another(lambda: fields).schema == here.schema
    others = (
        another(lambda: fields, "watcher"),
        another(lambda: fields[:-1]),
        another(lambda: fields[::-1]),
    )
    assert len({here.schema, *(other.schema for other in others)}) == 4


def test_profile_shows_the_username_of_another_model() -> None:
    [shows] = PROFILES.shows
    assert (shows.model, shows.fields, shows.by) == (User, ("username",), ("user",))
    assert PROFILES.model is Profile

"""Every system check fires on a declaration that is wrong in exactly one way."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import models
from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows
from permissions.checks import check_resources
from permissions.models import Guarded
from permissions.serializers import AudienceSerializer
from permissions.sources import Direct
from resources.models import Document, Profile
from tenants.opaque import OpaqueIdField
from tests.permissions.test_audiences import Bare

USER: Any = serializers.CurrentUserDefault()
Declare = Callable[[Resource], Resource]


def showing(**declared: Any) -> type[AudienceSerializer]:
    """A serializer of documents that shows its id and these fields."""
    meta = type("Meta", (), {"model": Document, "fields": ("id", *declared)})
    return type("Showing", (AudienceSerializer,), {"Meta": meta, **declared})


class Good(AudienceSerializer):
    class Meta:
        model = Document
        fields = ("id", "title")


class Grouped(Guarded):
    """A model with two many-to-many fields, of which one names users."""

    groups = models.ManyToManyField(Group, related_name="+")
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")

    class Meta(Guarded.Meta):
        app_label = "tests"

    def __str__(self) -> str:
        return "grouped"


def found(declare: Declare, *audiences: Audience, **more: Any) -> list[str | None]:
    declare(Resource(model=Document, audiences=audiences, **more))
    return [error.id for error in check_resources()]


def found_showing(declare: Declare, **declared: Any) -> list[str | None]:
    return found(declare, Audience("viewer", "view_document", showing(**declared)))


def test_projects_own_declarations_are_right() -> None:
    assert check_resources() == []


def test_right_declaration_is_right(declare: Declare) -> None:
    viewer = Audience("viewer", "view_document", Good, writes=("title",))
    assert found(declare, viewer, holders={"owner": "viewer"}) == []


def test_filters_are_columns_that_the_payload_shows(declare: Declare) -> None:
    viewer = Audience("viewer", "view_document", Good)
    assert found(declare, viewer, filters=("title",)) == []
    assert found(declare, viewer, filters=("title", "body", "id")) == ["earshot.E017"] * 2


def test_many_that_cannot_name_holders_are_found(declare: Declare) -> None:
    viewer = Audience("viewer", "view_person", Good)
    declare(
        Resource(
            model=Grouped, audiences=(viewer,), holders={"groups": "viewer", "people": "viewer"}
        )
    )
    said = [str(error.msg) for error in check_resources() if error.id == "earshot.E063"]
    assert ["groups" in text for text in said] == [True]


def test_wrong_declaration_stops_the_start(declare: Declare) -> None:
    declare(Resource(model=Document, audiences=(Audience("a", "no_such", Good),)))
    with pytest.raises(SystemCheckError, match=r"earshot\.E003"):
        call_command("check")


def test_model_without_permission_tables_is_found_for_both(declare: Declare) -> None:
    declare(Resource(model=Bare, audiences=(), sources=(Direct(),)))
    errors = check_resources()
    assert [error.id for error in errors] == ["earshot.E001"] * 2
    assert [str(error.hint).split()[1] for error in errors] == [
        "permissions.models.UserGrant",
        "permissions.models.GroupGrant",
    ]


def test_model_without_tables_of_its_own_has_those_of_guardian(declare: Declare) -> None:
    resource = Resource(model=Bare, audiences=())
    declare(resource)
    assert check_resources() == []
    assert [table.is_generic for table in resource.grant_tables] == [True, True]


@pytest.mark.parametrize("more", [{"holders": {"owner": "chef"}}, {"roles": {"admin": "chef"}}])
def test_audience_that_is_given_but_not_declared_is_found(
    declare: Declare, more: dict[str, Any]
) -> None:
    viewer = Audience("viewer", "view_document", Good)
    assert found(declare, viewer, **more) == ["earshot.E002"]


def test_column_that_the_decision_would_not_find_is_found(declare: Declare) -> None:
    viewer = Audience("viewer", "view_document", Good)
    more: list[dict[str, Any]] = [
        {"holders": {"writer": "viewer"}},
        {"visible_by": {"deleted_at": None}},
        {"visible_by": {"owner__is_active": True}},
        {"visible_by": {"due_on": "soon"}},
        {"visible_by": {"status": 5}},
    ]
    assert [found(declare, viewer, **each) for each in more] == [["earshot.E016"]] * len(more)
    assert found(declare, viewer, visible_by={"due_on": None, "status": "published"}) == []


@pytest.mark.parametrize(
    ("names", "holders", "wrong"),
    [
        ("title", {"owner": "viewer"}, []),
        ("body", {"owner": "viewer"}, ["earshot.E015"]),
        ("title", {}, ["earshot.E015"]),
    ],
)
def test_name_that_nobody_is_shown_or_that_is_nobodys_is_found(
    declare: Declare, names: str, holders: dict[str, str], wrong: list[str]
) -> None:
    viewer = Audience("viewer", "view_document", Good)
    assert found(declare, viewer, names=names, holders=holders) == wrong


@pytest.mark.parametrize("permission", ["look_at_document", "view_profile", "add_profile"])
def test_permission_that_the_model_lacks_is_found(declare: Declare, permission: str) -> None:
    assert found(declare, Audience("viewer", permission, Good)) == ["earshot.E003"]


@pytest.mark.parametrize("meta", [{"fields": "__all__"}, {"exclude": ("budget",)}])
def test_field_list_that_may_grow_by_itself_is_found(
    declare: Declare, meta: dict[str, Any]
) -> None:
    class Open(AudienceSerializer):
        Meta: Any = type("Meta", (), {"model": Document, **meta})

    assert found(declare, Audience("viewer", "view_document", Open)) == ["earshot.E004"]


@pytest.mark.parametrize("names", [["same", "same"], ["with space"], ["a.b"], ["a/b"], [""], ["é"]])
def test_audience_that_its_name_does_not_tell_from_others_is_found(
    declare: Declare, names: list[str]
) -> None:
    """Two of one name would share a group and a rendering: one would read what the other may."""
    audiences = [Audience(name, "view_document", Good) for name in names]
    assert found(declare, *audiences) == ["earshot.E012"]


def test_audience_whose_group_names_are_too_long_is_found(declare: Declare) -> None:
    def named(length: int) -> Audience:
        return Audience("a" * length, "view_document", Good)

    fitting = 99 - len(f"earshot.{2**63}.resources.document.{2**63}.")
    assert found(declare, named(fitting)) == []
    assert found(declare, named(fitting + 1)) == ["earshot.E005"]


@pytest.mark.parametrize("method", ["to_representation", "get_fields"])
def test_override_that_hides_what_is_shown_is_found(declare: Declare, method: str) -> None:
    def override(self: Any, *args: Any) -> Any:
        return getattr(AudienceSerializer, method)(self, *args)

    hiding = type("Hiding", (Good,), {method: override})
    assert found(declare, Audience("viewer", "view_document", hiding)) == ["earshot.E006"]


@pytest.mark.parametrize(
    "field",
    [
        serializers.SerializerMethodField("get_title"),
        serializers.HiddenField(default="x"),
        serializers.FileField(read_only=True),
        serializers.ImageField(read_only=True),
        serializers.CharField(read_only=False, default=USER),
        serializers.HyperlinkedIdentityField(view_name="document-detail"),
        serializers.IntegerField(source="pk", read_only=True),
        serializers.ReadOnlyField(source="id"),
    ],
)
def test_field_that_depends_on_who_asks_or_shows_a_key_is_found(
    declare: Declare, field: Any
) -> None:
    assert "earshot.E007" in found_showing(declare, title=field)


def test_plain_foreign_key_shows_a_key(declare: Declare) -> None:
    class Keyed(AudienceSerializer):
        class Meta:
            model = Document
            fields = ("owner",)

    assert "earshot.E007" in found(declare, Audience("viewer", "view_document", Keyed))


def test_opaque_id_of_another_name_is_right(declare: Declare) -> None:
    assert found_showing(declare, document=OpaqueIdField(Document)) == []


@pytest.mark.parametrize("many", [True, False])
def test_nested_serializer_is_found(declare: Declare, many: bool) -> None:
    nested = Good(read_only=True, many=many)
    assert "earshot.E008" in found_showing(declare, title=nested)


@pytest.mark.parametrize(
    "field",
    [
        serializers.CharField(read_only=True),
        serializers.CharField(source="owner.username", read_only=True),
        serializers.ReadOnlyField(source="get_status_display"),
        serializers.IntegerField(source="owner_id", read_only=True),
        serializers.SlugRelatedField("username", source="owner", read_only=True),
        serializers.StringRelatedField(source="owner"),
    ],
)
def test_field_of_undeclared_origin_is_found(declare: Declare, field: Any) -> None:
    assert found_showing(declare, author=field) == ["earshot.E009"]


def test_field_of_declared_origin_is_right(declare: Declare) -> None:
    shows = Shows("author", Profile, ("display_name",), lambda rows: Document.objects.none())
    serializer = showing(author=serializers.CharField(read_only=True))
    viewer = Audience("viewer", "view_document", serializer)
    assert found(declare, viewer, shows=(shows,)) == []


def test_right_to_write_what_is_not_shown_is_found(declare: Declare) -> None:
    viewer = Audience("viewer", "view_document", Good, writes=("title", "budget"))
    assert found(declare, viewer) == ["earshot.E010"]


def test_declared_field_that_nobody_closed_is_found(declare: Declare) -> None:
    def viewer(*writes: str, **options: Any) -> Audience:
        serializer = showing(title=serializers.CharField(max_length=5, **options))
        return Audience("viewer", "view_document", serializer, writes=writes)

    assert found(declare, viewer()) == ["earshot.E011"]
    assert found(declare, viewer("title")) == []
    assert found(declare, viewer(read_only=True)) == []


def test_inherited_field_that_is_not_shown_may_stay_open(declare: Declare) -> None:
    class Wide(Good):
        title = serializers.CharField()

    class Narrow(Wide):
        class Meta:
            model = Document
            fields = ("id",)

    assert found(declare, Audience("viewer", "view_document", Narrow)) == []

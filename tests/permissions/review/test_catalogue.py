"""The catalogue says of each field what the declarations say, and in which order."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework import serializers

from permissions.audiences import Audience, Resource
from permissions.review.catalogue import catalogue, entry, place
from permissions.review.entries import Field, Place, Source, Type
from permissions.serializers import AudienceSerializer
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tests.permissions.review.declared import BASE, VIEWER, Shout, serializer, viewer
from tests.permissions.review.declared import ViewerSerializer as Declared

TEXT = Type("text", 200)


def fields(*audiences: Audience, **more: Any) -> Any:
    """The fields of the last of the audiences."""
    found = entry(Resource(model=Document, audiences=audiences, **more))
    return found.audiences[audiences[-1].name].fields


def test_models_are_in_order_and_audiences_as_declared() -> None:
    found = catalogue()
    assert list(found) == sorted(found)
    document = found["resources.document"]
    assert list(document.audiences) == ["owner", "editor", "viewer", "auditor"]
    assert document.holders == {"owner": "owner"}
    assert document.roles == {"admin": "auditor"}
    for audience in DOCUMENTS.audiences:
        shown = document.audiences[audience.name]
        assert tuple(shown.fields) == audience.fields
        assert shown.permission == audience.permission
        assert (shown.deletes, shown.grants) == (audience.deletes, audience.grants)
        assert tuple(n for n, f in shown.fields.items() if f.writable) == audience.writes


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("id", Field(Type("id"), Source("column", ("id",)), False, False, "undeclared")),
        ("title", Field(TEXT, Source("column", ("title",)), False, True, "internal")),
        (
            "status",
            Field(
                Type("choice", choices=("draft", "published", "archived")),
                Source("column", ("status",)),
                nullable=False,
                writable=False,
                sensitivity="undeclared",
            ),
        ),
        (
            "budget",
            Field(
                Type("decimal with 2 places", 12),
                Source("column", ("budget",)),
                nullable=True,
                writable=False,
                sensitivity="secret",
            ),
        ),
        ("due_on", Field(Type("date"), Source("column", ("due_on",)), True, False, "undeclared")),
        (
            "owner_name",
            Field(
                Type("text"),
                Source("other row", ("resources.profile.display_name",), ("owner",)),
                nullable=False,
                writable=False,
                sensitivity="undeclared",
            ),
        ),
    ],
)
def test_field_is_described(name: str, field: Field) -> None:
    assert entry(BASE).audiences["editor"].fields[name] == field


def test_other_declarations_are_kept() -> None:
    found = entry(BASE)
    assert found.visible_by == {"status": "'published'"}
    assert found.never == {"budget": ("viewer",)}
    assert found.never_label == {"secret": ("viewer",)}
    assert set(found.code) == {"prepare", "find of owner_name"}


def test_field_with_code_of_its_own_is_a_method_and_locked() -> None:
    shouting = viewer("body", body=Shout(read_only=True))
    found = entry(replace(BASE, audiences=(shouting,), holders={}, roles={}))
    body = found.audiences["viewer"].fields["body"]
    assert (str(body.type), str(body.source)) == ("Shout", "method body")
    assert "Shout" in found.code


def by_method(self: Any) -> str:
    return str(self.budget)


@pytest.mark.parametrize("wrap", [lambda f: f, property, cached_property])
def test_property_of_the_model_is_a_method_and_locked(
    monkeypatch: pytest.MonkeyPatch, wrap: Any
) -> None:
    monkeypatch.setattr(Document, "teaser", wrap(by_method), raising=False)
    seen = viewer("teaser", teaser=serializers.CharField(read_only=True))
    resource = Resource(model=Document, audiences=(seen,))
    found = entry(resource)
    assert found.audiences["viewer"].fields["teaser"].source == Source(
        "method", ("teaser",), code=("Document.teaser",)
    )
    assert list(found.code) == ["Document.teaser"]


def test_source_through_another_row_is_no_column() -> None:
    seen = viewer("who", who=serializers.CharField(source="owner.username", read_only=True))
    assert fields(seen)["who"].source == Source("other row", ("owner.username",))
    related: Any = serializers.SlugRelatedField("username", source="owner", read_only=True)
    assert fields(viewer("who", who=related))["who"].source == Source(
        "other row", ("owner.username",)
    )
    seen = viewer("who", who=serializers.CharField(source="owner.get_username", read_only=True))
    assert fields(seen)["who"].source == Source(
        "method", ("owner.get_username",), code=("User.get_username",)
    )


def test_serializers_own_methods_are_locked_where_they_are_inherited_too() -> None:
    class Base(AudienceSerializer):
        def validate(self, attrs: Any) -> Any:
            return attrs

        @staticmethod
        def helper() -> None: ...

        class Meta(Declared.Meta):
            pass

    class Child(Base):
        pass

    found = entry(Resource(model=Document, audiences=(replace(VIEWER, serializer=Child),)))
    assert set(found.code) == {"Base.validate", "Base.helper"}


def test_what_is_only_written_is_not_shown() -> None:
    seen = viewer("note", note=serializers.CharField(write_only=True, required=False))
    assert "note" not in fields(seen)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (serializers.CharField(max_length=5), "text up to 5"),
        (serializers.EmailField(), "e-mail"),
        (serializers.BooleanField(), "boolean"),
        (serializers.MultipleChoiceField(choices=["a", "b"]), "list of choices of a, b"),
        (serializers.DecimalField(8, 3), "decimal with 3 places up to 8"),
        (serializers.DateTimeField(), "moment"),
        (serializers.ListField(), "list"),
        (serializers.ReadOnlyField(), "ReadOnlyField"),
    ],
)
def test_type_is_said_in_plain_words(field: Any, text: str) -> None:
    seen = viewer("x", x=field)
    assert str(fields(seen)["x"].type) == text


def test_place_is_within_the_project_or_unsaid(settings: Settings) -> None:
    found = place(type(PROFILES.audiences[0].serializer()))
    assert isinstance(found, Place)
    assert found.file == "resources/profiles/serializers.py"
    assert place(serializers.CharField) is None
    assert place(int) is None
    assert place(serializer(Declared, ("id",))) is None or settings.BASE_DIR


def test_source_and_type_read_as_words() -> None:
    source = Source("other row", ("a.b.c", "a.b.d"), ("owner", "tenant"))
    assert str(source) == "other row a.b.c, a.b.d (chosen by owner, tenant)"
    assert str(Source("column")) == "column"

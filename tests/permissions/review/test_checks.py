"""Each check of labels and of `never` fires on a declaration that is wrong in exactly one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings
from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows, registry
from permissions.review.checks import check_declarations
from permissions.review.sensitivity import LABELS, declared, is_lower, label
from permissions.serializers import AudienceSerializer
from resources.documents.serializers import OwnerSerializer
from resources.models import Document

Declare = Callable[[Resource], Resource]


def labelled(fields: Any = ("id", "title"), **labels: str) -> type[AudienceSerializer]:
    """A serializer of documents with these labels."""
    meta = type("Meta", (), {"model": Document, "fields": fields, "sensitivity": labels})
    return type("Labelled", (AudienceSerializer,), {"Meta": meta})


def viewer(serializer: type[AudienceSerializer], name: str = "viewer") -> Audience:
    return Audience(name, "view_document", serializer)


def found(declare: Declare, *audiences: Audience, **more: Any) -> list[str]:
    declare(Resource(model=Document, audiences=audiences, **more))
    return [f"{error.id} {error.msg}" for error in check_declarations()]


def test_projects_own_fields_are_all_labelled(settings: Settings) -> None:
    settings.REQUIRE_SENSITIVITY = True
    assert check_declarations() == []
    labels = {label(a.serializer, f) for r in registry for a in r.audiences for f in a.fields}
    assert labels <= set(LABELS)
    assert label(OwnerSerializer, "budget") == "secret"


def test_labels_are_ordered_and_what_is_undeclared_is_the_least() -> None:
    order = ["undeclared", "public", "internal", "confidential", "personal", "secret"]
    pairs = list(pairwise(order))
    assert all(is_lower(low, high) and not is_lower(high, low) for low, high in pairs)
    assert not is_lower("secret", "secret")
    assert is_lower("no label", "public")


def test_serializer_without_labels_has_none(declare: Declare) -> None:
    class Bare(AudienceSerializer):
        class Meta:
            model = Document
            fields = ("id", "title")

    assert (declared(Bare), label(Bare, "title")) == ({}, "undeclared")
    assert found(declare, viewer(Bare)) == []


def test_label_of_what_the_payload_does_not_have_is_found(declare: Declare) -> None:
    wrong = found(declare, viewer(labelled(id="public", budget="secret")))
    assert wrong == ["earshot.E080 Labelled labels 'budget', which its payload does not have."]


@pytest.mark.parametrize("name", ["Secret", "", "undeclared"])
def test_label_that_is_none_is_found(declare: Declare, name: str) -> None:
    wrong = found(declare, viewer(labelled(title=name)))
    assert wrong == [f"earshot.E080 Labelled labels 'title' as {name!r}, which is no label."]


def test_undeclared_field_is_found_only_where_it_is_demanded(
    declare: Declare, settings: Settings
) -> None:
    bare = viewer(labelled(id="public"))
    assert found(declare, bare) == []
    settings.REQUIRE_SENSITIVITY = True
    [wrong] = found(declare, bare)
    assert wrong == "earshot.E081 Labelled does not say how sensitive these are: title."


def test_field_of_two_labels_is_found(declare: Declare) -> None:
    audiences = [
        Audience("editor", "change_document", labelled(title="secret")),
        viewer(labelled(title="public")),
    ]
    [wrong] = found(declare, *audiences)
    assert wrong == "earshot.E082 resources.document.title has several labels: secret, public."


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"never": {"bugdet": ("viewer",)}}, "bugdet"),
        ({"never": {"budget": ("veiwer",)}}, "veiwer"),
        ({"never": {"budget": "viewer"}}, "viewer"),
        ({"never_label": {"top secret": ("viewer",)}}, "top secret"),
        ({"never_label": {"secret": ("veiwer",)}}, "veiwer"),
        ({"never_label": {"undeclared": ("viewer",)}}, "undeclared"),
    ],
)
def test_never_of_what_there_is_not_is_found(
    declare: Declare, more: dict[str, Any], name: str
) -> None:
    """A rule with a slip of the pen protects nothing."""
    [wrong] = found(declare, viewer(labelled(id="public", title="public")), **more)
    assert wrong.startswith("earshot.E083")
    assert f"of {name!r}, which there is not" in wrong


def test_never_that_is_kept_is_right(declare: Declare) -> None:
    rules = {"never": {"budget": ("viewer",)}, "never_label": {"secret": ("viewer",)}}
    assert found(declare, viewer(labelled(title="public")), **rules) == []


def test_field_that_is_never_shown_is_found_under_any_name(declare: Declare) -> None:
    never = {"budget": ("viewer",)}
    plain = viewer(labelled(("id", "budget")))
    rule = "earshot.E084 resources.document shows {!r} to viewer: it is never budget."
    assert found(declare, plain, never=never) == [rule.format("budget")]

    class Renamed(AudienceSerializer):
        size = serializers.DecimalField(12, 2, source="budget", read_only=True)

        class Meta:
            model = Document
            fields = ("id", "size")

    assert found(declare, viewer(Renamed), never=never) == [rule.format("size")]


@pytest.mark.parametrize("source", ["owner_id", "owner.username", "owner"])
def test_part_of_a_row_that_is_never_shown_is_found(declare: Declare, source: str) -> None:
    class Part(AudienceSerializer):
        who = serializers.CharField(source=source if source != "who" else None, read_only=True)

        class Meta:
            model = Document
            fields = ("id", "who")

    [wrong] = found(declare, viewer(Part), never={"owner": ("viewer",)})
    assert wrong.startswith("earshot.E084")


def test_column_that_a_method_shows_is_found_by_its_declaration(declare: Declare) -> None:
    class Teaser(AudienceSerializer):
        teaser = serializers.CharField(read_only=True)

        class Meta:
            model = Document
            fields = ("id", "teaser")

    own = Shows("teaser", Document, ("budget",), lambda rows: Document.objects.none())
    other = replace(own, field="another")
    [wrong] = found(declare, viewer(Teaser), shows=(other, own), never={"budget": ("viewer",)})
    assert wrong.endswith("shows 'teaser' to viewer: it is never budget.")


def test_id_that_is_never_shown_is_found(declare: Declare) -> None:
    [wrong] = found(declare, viewer(labelled(("id",))), never={"id": ("viewer",)})
    assert wrong.startswith("earshot.E084")


def test_field_of_a_label_that_is_never_shown_is_found(declare: Declare) -> None:
    audience = viewer(labelled(title="secret"))
    [wrong] = found(declare, audience, never_label={"secret": ("viewer",)})
    assert wrong.endswith("shows 'title' to viewer: it is never_label secret.")


def test_other_audience_may_see_it(declare: Declare) -> None:
    audiences = [
        Audience("editor", "change_document", labelled(("id", "budget"), budget="secret")),
        viewer(labelled(title="public")),
    ]
    rules = {"never": {"budget": ("viewer",)}, "never_label": {"secret": ("viewer",)}}
    assert found(declare, *audiences, **rules) == []


def test_serializer_that_lists_no_fields_is_left_to_the_other_check(declare: Declare) -> None:
    """It is an error there, and has no payload that could be looked at."""
    assert found(declare, viewer(labelled("__all__")), never={"x": ("viewer",)}) == []


def test_broken_never_stops_the_start(declare: Declare) -> None:
    declare(
        Resource(
            model=Document,
            audiences=(viewer(labelled(("id", "budget"))),),
            never={"budget": ("viewer",)},
        )
    )
    with pytest.raises(SystemCheckError, match=r"earshot\.E084"):
        call_command("check")

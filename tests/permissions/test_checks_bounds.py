"""System checks: what people may write, and what they are shown, has a type and a bound."""

from typing import Any

import pytest
from django.db import models
from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows
from permissions.checks import check_resources
from permissions.models import Guarded
from permissions.serializers import AudienceSerializer
from resources.models import Document
from tests.permissions.test_checks import Declare, found, showing


class Letter(Guarded):
    """Texts without bounds, and with them."""

    long = models.TextField()
    extra = models.JSONField(default=dict)
    stamp = models.BinaryField(editable=True)
    short = models.TextField(max_length=100)

    class Meta(Guarded.Meta):
        app_label = "tests"

    def __str__(self) -> str:
        return self.short


def letters(declare: Declare, field: str, *writes: str, **declared: Any) -> list[str]:
    """What is said about the bounds of a letter's field."""
    meta = type("Meta", (), {"model": Letter, "fields": ("id", field)})
    serializer = type("Showing", (AudienceSerializer,), {"Meta": meta, **declared})
    viewer = Audience("viewer", "view_letter", serializer, writes=writes)
    declare(Resource(model=Letter, audiences=(viewer,)))
    errors = [error for error in check_resources() if error.id in ("earshot.E013", "earshot.E014")]
    return [f"{error.id} {error.msg}" for error in errors]


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("field", ["long", "extra", "stamp"])
def test_column_without_a_bound_is_found(declare: Declare, field: str, written: bool) -> None:
    [error] = letters(declare, field, *([field] if written else []))
    assert error.startswith("earshot.E014")
    assert f"Showing.{field}" in error
    assert f"Letter.{field}" in error


def test_column_without_a_bound_is_found_behind_a_declared_field(declare: Declare) -> None:
    for options in ({"read_only": True}, {"max_length": 5}):
        declared = {"text": serializers.CharField(source="long", **options)}
        assert len(letters(declare, "text", "text", **declared)) == 1


def test_columns_with_bounds_are_right(declare: Declare) -> None:
    assert letters(declare, "short", "short") == []
    assert letters(declare, "short", short=serializers.CharField()) == []
    assert letters(declare, "id") == []


def test_declared_field_without_a_column_needs_a_bound_if_it_is_written(declare: Declare) -> None:
    assert len(letters(declare, "x", "x", x=serializers.CharField())) == 1
    assert len(letters(declare, "x", "x", x=serializers.ListField())) == 1
    assert letters(declare, "x", "x", x=serializers.CharField(max_length=5)) == []
    assert letters(declare, "x", x=serializers.CharField(read_only=True)) == []


def test_shown_row_of_another_model_needs_a_bound(declare: Declare) -> None:
    serializer = showing(text=serializers.CharField(read_only=True))
    viewer = Audience("viewer", "view_document", serializer)

    def of(field: str) -> list[str | None]:
        shows = Shows("text", Letter, (field,), lambda rows: Document.objects.none())
        return found(declare, viewer, shows=(shows,))

    assert of("long") == ["earshot.E014"]
    assert of("short") == []


def test_field_of_which_nobody_knows_what_it_takes_is_found(declare: Declare) -> None:
    class Unknown(serializers.Field[Any, Any, Any, Any]):
        pass

    class Known(Unknown):
        json_types = (str,)

    [error] = letters(declare, "short", "short", short=Unknown())
    assert error.startswith("earshot.E013")
    assert letters(declare, "short", "short", short=Known()) == []
    assert letters(declare, "short", short=Unknown(read_only=True)) == []

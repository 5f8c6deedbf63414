"""Bounds of columns: which columns have one, and what is beyond it."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import (
    ArrayField,
    DecimalRangeField,
    HStoreField,
    IntegerRangeField,
)
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.forms import modelform_factory
from rest_framework import serializers

from permissions.bounds import beyond, is_bounded, is_bounded_field
from permissions.models import Guarded
from permissions.serializers import AudienceSerializer
from resources.models import Document, Profile
from tenants.keys import KeyField, UserKeyField
from tenants.models import User

BOUNDED: list[Any] = [
    models.CharField(max_length=5),
    models.TextField(max_length=5),
    models.TextField(choices=[("a", "A")]),
    models.SlugField(),
    models.URLField(),
    models.EmailField(),
    models.BinaryField(max_length=5),
    models.JSONField(max_length=5),
    models.FileField(),
    models.IntegerField(),
    models.PositiveSmallIntegerField(),
    models.BooleanField(),
    models.FloatField(),
    models.DecimalField(max_digits=5, decimal_places=2),
    models.DateField(),
    models.DateTimeField(),
    models.TimeField(),
    models.DurationField(),
    models.UUIDField(),
    models.GenericIPAddressField(),
    models.ForeignKey(User, models.CASCADE),
    models.GeneratedField(
        expression=Lower("a"), output_field=models.CharField(max_length=5), db_persist=True
    ),
    ArrayField(models.CharField(max_length=5), size=5),
    ArrayField(ArrayField(models.IntegerField(), size=2), size=5),
    IntegerRangeField(),
    HStoreField(max_length=5),
]
UNBOUNDED: list[Any] = [
    models.CharField(),
    models.TextField(),
    models.BinaryField(),
    models.JSONField(),
    models.URLField(max_length=None),
    models.DecimalField(),
    models.GeneratedField(expression=Lower("a"), output_field=models.TextField(), db_persist=True),
    models.Field(),
    ArrayField(models.IntegerField()),
    ArrayField(models.TextField(), size=5),
    ArrayField(ArrayField(models.IntegerField()), size=5),
    HStoreField(),
    DecimalRangeField(),
]


def test_columns_say_how_much_they_hold() -> None:
    assert [column for column in BOUNDED if not is_bounded(column)] == []
    assert [column for column in UNBOUNDED if is_bounded(column)] == []


class Unlimited(serializers.JSONField):
    max_length = 5


def test_fields_without_a_column_say_how_much_they_take() -> None:
    bounded: list[Any] = [
        serializers.CharField(max_length=5),
        serializers.IPAddressField(),
        serializers.BooleanField(),
        serializers.IntegerField(),
        serializers.UUIDField(),
        serializers.ChoiceField(["a"]),
        serializers.DecimalField(5, 2),
        serializers.ListField(child=serializers.IntegerField(), max_length=5),
        Unlimited(),
    ]
    unbounded: list[Any] = [
        serializers.CharField(),
        serializers.URLField(),
        serializers.JSONField(),
        serializers.DictField(),
        serializers.HStoreField(),
        serializers.DecimalField(None, 2),
        serializers.ListField(child=serializers.IntegerField()),
        serializers.ListField(child=serializers.CharField(), max_length=5),
    ]
    assert [field for field in bounded if not is_bounded_field(field)] == []
    assert [field for field in unbounded if is_bounded_field(field)] == []


@pytest.mark.parametrize(
    ("column", "fits", "does_not"),
    [
        (models.TextField(max_length=2), ["", "éé", None], ["eee"]),
        (models.CharField(max_length=2), ["ee"], ["eee"]),
        (models.TextField(), ["e" * 1000], []),
        (models.JSONField(max_length=7), [[1, 2, 3], {"a": 1}, "eeeee", None], [[1, 2, 34], "é€€"]),
        (models.JSONField(), [[1], {}], ["\0", {"a": float("nan")}, 2**64]),
        (HStoreField(max_length=9), [{"a": "b"}, {}], [{"a": "bc"}]),
        (models.BinaryField(max_length=2), [b"ee"], [b"eee"]),
        (models.PositiveIntegerField(), [0], [-1]),
        (
            models.DurationField(),
            [timedelta(microseconds=2**63 - 1), timedelta(days=-106_751_991)],
            [timedelta.max, timedelta.min, timedelta(microseconds=2**63)],
        ),
        (ArrayField(models.IntegerField(), size=1), [[1], []], [[1, 2]]),
    ],
)
def test_what_a_column_has_no_room_for(column: Any, fits: Any, does_not: Any) -> None:
    assert [value for value in fits if beyond(column, value)] == []
    assert [value for value in does_not if not beyond(column, value)] == []


class Wide(Guarded):
    """A column of JSON, and one of each kind of text."""

    notes = models.TextField(max_length=5, blank=True)
    extra = models.JSONField(max_length=20, default=dict, blank=True)

    class Meta(Guarded.Meta):
        app_label = "tests"

    def __str__(self) -> str:
        return self.notes


class WideSerializer(AudienceSerializer):
    notes = serializers.CharField(required=False)
    renamed = serializers.CharField(source="notes", required=False)

    class Meta:
        model = Wide
        fields = ("id", "notes", "renamed", "extra")


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"notes": "12345"}, []),
        ({"notes": "123456"}, ["notes"]),
        ({"renamed": "123456"}, ["renamed"]),
        ({"extra": {"a": "12345678901234"}}, ["extra"]),
        ({"extra": {"a": "123456789012"}}, []),
        ({"extra": [1, 2.5, None, {"": {}}]}, []),
    ],
)
def test_serializer_keeps_to_the_columns_bound(data: Any, wrong: list[str]) -> None:
    """Also where it declares the field itself, without one."""
    serializer = WideSerializer(data=data)
    serializer.is_valid()
    assert list(serializer.errors) == wrong


def test_full_clean_keeps_to_bounds_that_django_leaves_to_forms() -> None:
    wide = Wide(tenant_id=1, notes="123456", extra={"a": "\0"})
    with pytest.raises(ValidationError) as error:
        wide.clean_fields(exclude=["tenant"])
    assert set(error.value.message_dict) == {"notes", "extra"}
    wide.clean_fields(exclude=["tenant", "notes", "extra"])
    Wide(notes="12345").clean_fields(exclude=["tenant"])


@pytest.mark.parametrize(
    ("model", "texts"),
    [(Document, {"body": 100_000, "review_notes": 100_000}), (Profile, {"bio": 2_000})],
)
def test_our_texts_are_bounded_in_forms_and_by_full_clean(
    model: Any, texts: dict[str, int]
) -> None:
    form = modelform_factory(model, fields=list(texts))
    assert {n: getattr(f, "max_length", None) for n, f in form.base_fields.items()} == texts
    others = {f.name for f in model._meta.concrete_fields} - set(texts)
    model(**{n: "e" * size for n, size in texts.items()}).clean_fields(exclude=others)
    with pytest.raises(ValidationError) as error:
        model(**{n: "e" * (size + 1) for n, size in texts.items()}).clean_fields(exclude=others)
    assert set(error.value.message_dict) == set(texts)


def test_every_text_that_a_client_can_reach_has_a_bound() -> None:
    """Beside the resources: people, tenants, connections. What is left, the server writes.
    Keys have bounds of their own."""
    ours = ("earshot_tenants", "earshot_permissions", "earshot_realtime", "resources")
    left = {
        f"{model.__name__}.{column.name}"
        for app in ours
        for model in apps.get_app_config(app).get_models()
        for column in model._meta.concrete_fields
        if not (is_bounded(column) or isinstance(column, KeyField | UserKeyField))
    }
    written = {"Change.fields", "Push.fields", "Push.payload", "Session.session_data"}
    written |= {"ChainEntry.seal", "ChainEntry.digest", "ChainHead.digest", "ChainPosition.marks"}
    written |= {"Replaced.source_id"}
    written |= {"Viewing.where"}  # of one frame of a socket, which is bounded
    written |= {"Inquiry.asked"}  # ids, names and moments, once they were found to be some
    assert left - written == {"Tenant.limits"}  # an operator's, of known names

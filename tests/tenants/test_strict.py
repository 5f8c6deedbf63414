"""Strict bodies: every field class takes exactly its own JSON types, and shows what it took."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import Group, Permission
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import fields, relations, serializers

from tenants.strict import JSON_TYPES, StrictSerializer, json_types, mistake
from tests.tenants.strict_values import DATA, SHARED, TAKES, TENANTS, VALUES
from tests.tenants.test_strict_json import JSON, body


def taken(field: Any, value: Any) -> bool:
    return not body(field, value).errors


def same(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize("kind", TAKES)
def test_field_takes_what_it_is_for(kind: str) -> None:
    field, values = TAKES[kind]
    assert {repr(value): body(field, value).errors for value in values} == {
        repr(value): {} for value in values
    }


@pytest.mark.parametrize("kind", TAKES)
def test_field_takes_nothing_else_and_its_name_is_said(kind: str) -> None:
    field, right = TAKES[kind]
    right = [*right, *SHARED.get(kind, [])]
    wrong = [v for v in VALUES if not any(same(v, r) for r in right)]
    assert [v for v in wrong if taken(field, v)] == []
    assert {str(list(body(field, v).errors)) for v in wrong} == {"['f']"}


def test_every_field_class_that_can_be_written_has_its_json_types() -> None:
    modules = (fields, relations, serializers)
    classes = {c for module in modules for c in vars(module).values() if isinstance(c, type)}
    known = [c for c in classes if issubclass(c, serializers.Field)]
    unwritable = {
        serializers.Field, serializers.BaseSerializer, serializers.HiddenField,
        serializers.ReadOnlyField, serializers.SerializerMethodField,
        serializers.HyperlinkedIdentityField, serializers.StringRelatedField,
        relations.RelatedField,
    }  # fmt: skip
    computed = {
        serializers.ChoiceField, serializers.FilePathField, serializers.PrimaryKeyRelatedField,
        serializers.SlugRelatedField,
    }  # fmt: skip
    missing = {c for c in known if not any(base in JSON_TYPES for base in c.__mro__)}
    assert missing - computed <= unwritable
    tried: set[type] = {type(field) for field, _ in TAKES.values()}
    assert tried | unwritable | {
        serializers.JSONField, serializers.ManyRelatedField, serializers.HyperlinkedRelatedField,
        serializers.PrimaryKeyRelatedField, serializers.SlugRelatedField, serializers.Serializer,
        serializers.ListSerializer, serializers.ModelSerializer, serializers.ModelField,
        serializers.HyperlinkedModelSerializer, type(serializers.ListField.child),
    } >= set(known)  # fmt: skip


@given(st.sampled_from(sorted(TAKES)), JSON)
def test_whatever_is_taken_has_the_fields_type_and_is_shown_as_it_came(
    kind: str, value: Any
) -> None:
    field = TAKES[kind][0]
    serializer = body(field, value)
    if serializer.errors:
        assert list(serializer.errors) == ["f"]
        return
    assert type(value) in (json_types(field) or ())
    shown = orjson.loads(orjson.dumps(serializer.data))["f"]
    kept = serializer.validated_data["f"]
    again = body(field, shown)
    assert not again.errors
    assert again.validated_data["f"] == kept
    if not isinstance(value, str):
        assert shown == value


def test_mistakes_of_all_fields_are_named_together() -> None:
    class Body(StrictSerializer):
        typed = serializers.IntegerField()
        short = serializers.CharField(max_length=1)
        absent = serializers.CharField()

    serializer: Any = Body(data={"typed": "5", "short": "long"})
    assert not serializer.is_valid()
    assert set(serializer.errors) == {"typed", "short", "absent"}
    assert serializer.errors["typed"] == ["Must be an integer."]


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_blank_is_not_null(value: str) -> None:
    """DRF takes it for one."""
    decimal = serializers.DecimalField(5, 2, allow_null=True)
    related: Any = serializers.SlugRelatedField("slug", queryset=TENANTS, allow_null=True)
    assert not taken(decimal, value)
    assert not taken(related, value)
    assert body(decimal, None).validated_data == {"f": None}
    assert body(related, None).validated_data == {"f": None}


def test_integer_with_more_digits_than_a_float_is_refused() -> None:
    assert taken(serializers.FloatField(), 2**53)
    assert not taken(serializers.FloatField(), 2**53 + 1)


WITH_MORE = [
    (serializers.TimeField(), "10:00:00.123456", ["10:00:00Z", "10:00:00+02:00", "10:00-02:00"]),
    (serializers.TimeField(), "10:00:00.1234560", ["10:00:00.1234567", "1" * 60, "1" * 32]),
    (
        serializers.DateTimeField(),
        "2026-02-28T10:00:00.0000000+01:00",
        ["2026-02-28T10:00:00.0000001Z", "2026-02-28T10:00:00,12345678Z", "1" * 60],
    ),
    (serializers.DurationField(), "1 00:00:00.100000", ["00:00:05.1234567", "0.0000001"]),
    (serializers.IPAddressField(), "fe80::1", ["fe80::1%eth0"]),
]


@pytest.mark.parametrize(("field", "whole", "more"), WITH_MORE)
def test_text_of_which_something_would_be_left_out_is_refused(
    field: Any, whole: str, more: list[str]
) -> None:
    assert taken(field, whole)
    assert [value for value in more if taken(field, value)] == []


@pytest.mark.parametrize("value", ["AAE", "A A=", "é", "AAEC\n", "AA\0EC", "AB=="])
def test_binary_that_is_not_what_would_be_shown_is_refused(value: str) -> None:
    assert not taken(serializers.ModelField(DATA), value)


def test_relation_takes_the_type_of_the_column_that_it_looks_in() -> None:
    slug: Any = serializers.SlugRelatedField("slug", queryset=TENANTS)
    number: Any = serializers.SlugRelatedField("id", queryset=TENANTS)
    key: Any = serializers.PrimaryKeyRelatedField(queryset=TENANTS)
    spelled: Any = serializers.PrimaryKeyRelatedField(
        queryset=TENANTS, pk_field=serializers.UUIDField()
    )
    path: Any = serializers.SlugRelatedField(
        "content_type__model", queryset=Permission.objects.all()
    )
    link: Any = serializers.HyperlinkedRelatedField(view_name="x", queryset=TENANTS)
    got = [json_types(field) for field in (slug, number, key, spelled, path, link)]
    assert got == [(str,), (int,), (int,), (str,), (str,), (str,)]


@pytest.mark.django_db
def test_relations_take_exactly_what_names_a_row() -> None:
    group = Group.objects.create(name="5")
    one: Any = serializers.SlugRelatedField("name", queryset=Group.objects.all())
    many: Any = serializers.SlugRelatedField("name", queryset=Group.objects.all(), many=True)
    key: Any = serializers.PrimaryKeyRelatedField(queryset=Group.objects.all())
    assert [v for v in VALUES if taken(one, v)] == ["5"]
    assert [v for v in VALUES if taken(many, v)] == [[], ["5"]]
    assert [v for v in [str(group.pk), float(group.pk), True, [], {}, ""] if taken(key, v)] == []
    assert taken(key, group.pk)


def test_nested_bodies_are_as_strict() -> None:
    class Inner(serializers.Serializer[Any]):
        number = serializers.IntegerField()

    assert taken(Inner(), {"number": 5})
    assert taken(Inner(many=True), [{"number": 5}])
    wrong: list[Any] = [{"number": "5"}, {"number": 5.0}, [], 5, "5"]
    assert [value for value in wrong if taken(Inner(), value)] == []
    wrong = [[{"number": "5"}], {"number": 5}, [5], "5"]
    assert [value for value in wrong if taken(Inner(many=True), value)] == []


def test_field_of_ones_own_names_its_types_or_takes_nothing() -> None:
    class Pair(serializers.Field[Any, Any, Any, Any]):
        json_types = (list,)

        def to_internal_value(self, data: Any) -> Any:
            return tuple(data)

    class Unknown(serializers.Field[Any, Any, Any, Any]):
        def to_internal_value(self, data: Any) -> Any:
            return data

    assert body(Pair(), [1, 2]).validated_data == {"f": (1, 2)}
    assert not taken(Pair(), "12")
    assert json_types(Unknown()) is None
    assert not taken(Unknown(), 1)
    assert mistake(Unknown(), None) is None


def test_choices_that_json_does_not_have_are_chosen_as_text() -> None:
    field: Any = serializers.ChoiceField([(Decimal("1.50"), "x"), (timedelta(1), "y")])
    assert [v for v in ["1.50", 1.5, "1.5", "1 day, 0:00:00", 1] if taken(field, v)] == [
        "1.50",
        "1 day, 0:00:00",
    ]

"""Audience serializers: sealed against their reader, strict with their writers."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from rest_framework import serializers

from permissions.serializers import AudienceSerializer, SealedContext, SerializerKnowsUser
from resources.documents.serializers import OwnerSerializer
from resources.models import Document
from tenants import opaque
from tenants.encoding import dumps
from tenants.models import User


class Exactly(json.JSONDecoder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, parse_float=Decimal, **kwargs)


class Everything(models.Model):
    """A column of each kind."""

    char = models.CharField(max_length=5, blank=True)
    text = models.TextField()
    email = models.EmailField()
    day = models.DateField(null=True)
    moment = models.DateTimeField()
    amount = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    number = models.IntegerField()
    flag = models.BooleanField()
    choice = models.CharField(max_length=5, choices=[("a", "A"), ("b", "B")])

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return self.char


class Odd(models.Model):
    """JSON of which Python makes something else."""

    exact = models.JSONField(max_length=50, decoder=Exactly, encoder=DjangoJSONEncoder)
    plain = models.JSONField(max_length=50, decoder=Exactly)

    class Meta:
        app_label = "tests"


class EveryWay(AudienceSerializer):
    """A field for each way in which a value is found, and one that is not there."""

    doubled = serializers.SerializerMethodField()
    called = serializers.CharField(source="get_status_display")
    through = serializers.CharField(source="owner.username")
    nobody = serializers.CharField(source="tenant.slug")
    related = serializers.PrimaryKeyRelatedField[Any](source="tenant", read_only=True)
    absent = serializers.CharField(read_only=True)
    standing_in = serializers.CharField(source="absent", default="x", read_only=True)
    secret = serializers.CharField(write_only=True)

    class Meta:
        model = Document
        fields = (
            "id", "title", "due_on", "doubled", "called", "through", "nobody", "related", "absent",
            "standing_in", "secret",
        )  # fmt: skip

    def get_doubled(self, document: Document) -> str:
        return document.title * 2


class OddSerializer(AudienceSerializer):
    class Meta:
        model = Odd
        fields = ("exact", "plain")


def test_json_is_shown_as_json_whatever_its_decoder_makes_of_it() -> None:
    odd = Odd(exact=[Decimal("1.5")], plain={"day": Decimal(2)})
    shown = OddSerializer().to_representation(odd)
    assert dumps(shown) == b'{"exact":["1.5"],"plain":{"day":2.0}}'
    assert OddSerializer().to_representation(Odd(exact=None, plain=None))["exact"] is None


class EverythingSerializer(AudienceSerializer):
    class Meta:
        model = Everything
        fields = (
            "id",
            "char",
            "text",
            "email",
            "day",
            "moment",
            "amount",
            "number",
            "flag",
            "choice",
        )


GOOD: dict[str, Any] = {
    "char": "",
    "text": "text",
    "email": "a@example.com",
    "day": "2026-02-28",
    "moment": "2026-02-28T10:00:00Z",
    "amount": "12.50",
    "number": -3,
    "flag": False,
    "choice": "b",
}
VALUES: list[Any] = [None, True, 1, 0, 1.5, "text", "", [], ["a"], {}, {"a": 1}]
ALLOWED: dict[str, list[Any]] = {
    "char": ["text", ""],
    "text": ["text"],
    "email": [],
    "day": [None],
    "moment": [],
    "amount": [None],
    "number": [1, 0],
    "flag": [True],
    "choice": [],
}


def errors(**values: Any) -> set[str]:
    serializer = EverythingSerializer(data={**GOOD, **values})
    serializer.is_valid()
    return set(serializer.errors)


def test_good_values_are_taken() -> None:
    assert errors() == set()


@pytest.mark.parametrize("name", GOOD)
def test_field_takes_only_its_own_json_type_and_says_its_name(name: str) -> None:
    def taken(value: Any) -> bool:
        return any(type(v) is type(value) and v == value for v in ALLOWED[name])

    answers = {repr(value): errors(**{name: value}) for value in VALUES}
    assert answers == {repr(value): set() if taken(value) else {name} for value in VALUES}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("char", "a\0"),
        ("char", "\ud800"),
        ("text", "\udfff"),
        ("email", "a@example.com\0"),
        ("choice", "\ud800"),
        ("choice", "A"),
        ("day", "2026-02-29"),
        ("day", "2026-02-28T00:00:00Z"),
        ("amount", ""),
        ("amount", "1.005"),
        ("amount", "1000.00"),
        ("amount", "NaN"),
        ("amount", "-Infinity"),
        ("amount", "1e1000000"),
        ("amount", "1e-1000000"),
        ("amount", "1" * 5000),
        ("char", "123456"),
    ],
)
def test_text_that_no_column_could_keep_is_refused(name: str, value: str) -> None:
    assert errors(**{name: value}) == {name}


def test_primary_key_is_shown_as_an_opaque_id_and_not_taken() -> None:
    shown = EverythingSerializer().to_representation(Everything(pk=7, **{**GOOD, "day": None}))
    assert shown["id"] == opaque.encode(Everything, 7)
    assert EverythingSerializer().fields["id"].read_only


@pytest.mark.parametrize(
    "ask",
    [
        lambda context: context["request"],
        lambda context: context.get("request"),
        lambda context: context.get("user", None),
        lambda context: "request" in context,
        lambda context: context.pop("request", None),
        lambda context: context.setdefault("request", None),
    ],
)
def test_asking_the_context_is_an_error_that_names_the_serializer(
    ask: Callable[[Any], object],
) -> None:
    serializer = OwnerSerializer(context={"request": "somebody's", "user": User()})
    for field in (serializer, serializer.fields["title"]):
        with pytest.raises(SerializerKnowsUser, match="OwnerSerializer") as caught:
            ask(field.context)
        assert caught.value.serializer == "OwnerSerializer"
        assert caught.value.key in ("request", "user")


def test_context_of_many_objects_is_sealed_too() -> None:
    many: Any = OwnerSerializer([], many=True, context={"request": "somebody's"})
    assert type(many.context) is SealedContext
    with pytest.raises(SerializerKnowsUser, match="OwnerSerializer"):
        many.child.fields["title"].context["request"]


def test_field_that_asks_for_its_reader_cannot_be_rendered() -> None:
    class Greeting(serializers.Field[Any, Any, Any, Any]):
        def to_representation(self, value: Any) -> str:
            return f"{value} for {self.context['request'].user}"

    class Curious(AudienceSerializer):
        title = Greeting()

        class Meta:
            model = Document
            fields = ("title",)

    with pytest.raises(SerializerKnowsUser, match="Curious"):
        Curious().to_representation(Document(title="Plan"))


def test_value_of_each_field_is_found_as_drf_finds_it() -> None:
    document = Document(pk=5, title="Plan", owner=User(username="olga"))
    serializer = EveryWay()
    shown = serializer.to_representation(document)
    assert shown == serializers.ModelSerializer.to_representation(serializer, document)
    assert [*shown.items()] == [
        ("id", opaque.encode(Document, 5)), ("title", "Plan"), ("due_on", None),
        ("doubled", "PlanPlan"), ("called", "Draft"), ("through", "olga"), ("nobody", None),
        ("related", None), ("standing_in", "x"),
    ]  # fmt: skip


def test_what_fails_in_an_attribute_fails_as_in_drf() -> None:
    class Failing:
        pk = 5

        @property
        def title(self) -> str:
            raise LookupError("no title")

    for show in (AudienceSerializer, serializers.ModelSerializer):
        with pytest.raises(LookupError, match="no title"):
            show.to_representation(OwnerSerializer(), Failing())

"""Every form of column that Django documents: how it is made, and two values that it may have."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models
from django.db.models import fields as of_django
from django.db.models.functions import Lower, Now


class Suit(models.TextChoices):
    HEARTS = "H"
    CLUBS = "C"


class Rank(models.IntegerChoices):
    LOW = 1
    HIGH = 2


class Hand:
    """A value of a type of the project's own."""

    def __init__(self, cards: str) -> None:
        self.cards = cards

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hand) and other.cards == self.cards

    def __hash__(self) -> int:
        return hash(self.cards)

    def __str__(self) -> str:
        return self.cards

    def __len__(self) -> int:
        return len(self.cards)


class HandField(models.CharField):
    """A column that converts what is stored, as the guide to custom fields has it."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value and Hand(value)

    def to_python(self, value: Any) -> Any:
        return Hand(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return value and str(value)

    def value_to_string(self, obj: Any) -> str:
        return str(self.value_from_object(obj))


class TypedField(models.Field):
    """A column of a type that the field names itself."""

    def __init__(self, *args: Any, type: str = "varchar(25)", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type = type

    def db_type(self, connection: Any) -> str:
        return self.type


class UpperField(models.CharField):
    """A column that has something else than what the instance has."""

    def pre_save(self, instance: Any, add: bool) -> Any:
        return str(super().pre_save(instance, add)).upper()


class Exactly(json.JSONDecoder):
    """Reads numbers as decimals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, parse_float=Decimal, **kwargs)


class AsNumbers(json.JSONEncoder):
    def default(self, o: Any) -> float:
        return float(o)


class HandDecoder(json.JSONDecoder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, object_hook=lambda found: Hand(found["cards"]), **kwargs)


class HandEncoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return {"cards": o.cards} if isinstance(o, Hand) else super().default(o)


class Column(NamedTuple):
    """How a column is made, and two values that differ."""

    make: Callable[[], Any]
    one: Any
    other: Any


def char(**options: Any) -> Callable[[], Any]:
    return lambda: models.CharField(**{"max_length": 40, **options})


def of_json(**options: Any) -> Callable[[], Any]:
    return lambda: models.JSONField(max_length=200, **options)


def computed(*, db_persist: bool) -> Callable[[], Any]:
    kept = models.CharField(max_length=50)
    return lambda: models.GeneratedField(
        expression=Lower("title"), output_field=kept, db_persist=db_persist
    )


HERE = str(Path(__file__).parent)
NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
LATER = timedelta(microseconds=1)
ANY_CASE = {"sqlite": "nocase", "postgresql": "C"}[connection.vendor]

COLUMNS: dict[str, Column] = {
    "BigIntegerField": Column(models.BigIntegerField, 1, 2**62),
    "BinaryField": Column(
        lambda: models.BinaryField(max_length=9, editable=True), b"a", b"\x00\xff"
    ),
    "BinaryField unique": Column(
        lambda: models.BinaryField(max_length=9, unique=True, editable=True), b"a", b"b"
    ),
    "BooleanField": Column(models.BooleanField, True, False),
    "BooleanField null": Column(lambda: models.BooleanField(null=True), True, None),
    "CharField": Column(char(), "one", "ünder '\"% {two}"),
    "CharField null": Column(char(null=True), "one", None),
    "CharField unique": Column(char(unique=True), "one", "two"),
    "CharField choices": Column(char(choices=Suit), Suit.HEARTS, Suit.CLUBS),
    "CharField choices grouped": Column(char(choices={"G": {"a": "A", "b": "B"}}), "a", "b"),
    "CharField choices called": Column(char(choices=lambda: [("a", "A"), ("b", "B")]), "a", "b"),
    "CharField db_collation": Column(char(db_collation=ANY_CASE), "one", "ONE"),
    "CharField db_column": Column(char(db_column="The 'Value'"), "one", "two"),
    "CharField db_column reserved": Column(char(db_column="select"), "one", "two"),
    "CharField db_column of ours": Column(char(db_column="counted"), "one", "two"),
    "CharField db_column rowid": Column(char(db_column="rowid"), "one", "two"),
    "CharField db_column longest": Column(char(db_column="c" * 63), "one", "two"),
    "CharField db_comment": Column(char(db_comment="it's one"), "one", "two"),
    "CharField db_default": Column(char(db_default="one"), "one", "two"),
    "DateField": Column(models.DateField, date(2026, 1, 1), date(1, 1, 1)),
    "DateField auto_now_add": Column(
        lambda: models.DateField(auto_now_add=True), date(2026, 1, 1), date(1, 1, 1)
    ),
    "DateTimeField": Column(models.DateTimeField, NOON, NOON + LATER),
    "DateTimeField db_default": Column(
        lambda: models.DateTimeField(db_default=Now()), NOON, NOON + LATER
    ),
    "DecimalField": Column(
        lambda: models.DecimalField(max_digits=9, decimal_places=2), Decimal("1.10"), Decimal(2)
    ),
    "DurationField": Column(models.DurationField, timedelta(1, 2, 3), timedelta(-1)),
    "EmailField": Column(models.EmailField, "a@example.com", "b@example.com"),
    "FileField": Column(lambda: models.FileField(upload_to="x"), "x/a", "x/b"),
    "FilePathField": Column(
        lambda: models.FilePathField(path=HERE, max_length=300), __file__, f"{HERE}/models.py"
    ),
    "FloatField": Column(models.FloatField, 1.5, 0.1),
    "GenericIPAddressField": Column(models.GenericIPAddressField, "10.0.0.1", "::1"),
    "ImageField": Column(lambda: models.ImageField(upload_to="x"), "x/a", "x/b"),
    "IPAddressField": Column(lambda: models.GenericIPAddressField("IPv4"), "10.0.0.1", "10.0.0.2"),
    "IntegerField": Column(models.IntegerField, 1, -2),
    "IntegerField choices": Column(
        lambda: models.IntegerField(choices=Rank.choices), Rank.LOW, Rank.HIGH
    ),
    "JSONField": Column(of_json(), {"a": [1, 1.5, None, "x"]}, [True]),
    "JSONField null": Column(of_json(null=True), {"a": 1}, None),
    "JSONField encoder": Column(
        of_json(encoder=DjangoJSONEncoder), {"d": date(2026, 1, 1)}, {"d": Decimal("1.5")}
    ),
    "JSONField decoder": Column(
        of_json(decoder=Exactly, encoder=AsNumbers), {"d": 1.5}, {"d": 2.5}
    ),
    "JSONField of objects": Column(
        of_json(decoder=HandDecoder, encoder=HandEncoder), Hand("a"), Hand("b")
    ),
    "PositiveBigIntegerField": Column(models.PositiveBigIntegerField, 1, 2),
    "PositiveIntegerField": Column(models.PositiveIntegerField, 1, 2),
    "PositiveSmallIntegerField": Column(models.PositiveSmallIntegerField, 1, 2),
    "SlugField": Column(models.SlugField, "one", "two"),
    "SmallIntegerField": Column(models.SmallIntegerField, 1, -2),
    "TextField": Column(lambda: models.TextField(max_length=200), "one\ntwo", "two\tthree"),
    "TimeField": Column(models.TimeField, time(1, 2, 3), time(23, 59, 59, 999999)),
    "URLField": Column(models.URLField, "http://a.example/", "http://b.example/"),
    "UUIDField": Column(models.UUIDField, uuid.UUID(int=1), uuid.UUID(int=2)),
    "custom": Column(lambda: HandField(max_length=20), Hand("a"), Hand("b")),
    "custom db_type": Column(lambda: TypedField(max_length=25), "one", "two"),
    "custom pre_save": Column(lambda: UpperField(max_length=20), "ONE", "TWO"),
}
"""By the class of Django's, and what else it has."""

GENERATED = {"GeneratedField": computed(db_persist=True)}
if connection.vendor == "sqlite":
    GENERATED["GeneratedField virtual"] = computed(db_persist=False)

KEYS = {"AutoField", "BigAutoField", "SmallAutoField", "CompositePrimaryKey"}
"""What only keys are: `tests/keyed` has those that work, and checks refuse the other."""

CLASSES = {*of_django.__all__, "GeneratedField", "JSONField", "FileField", "ImageField"} & {
    name for name in dir(models) if name.endswith("Field")
} - KEYS
"""Django's own classes of columns."""


def name_of(form: str) -> str:
    """The name of the field that has this form."""
    return "".join(letter if letter.isalnum() else "_" for letter in form.lower())

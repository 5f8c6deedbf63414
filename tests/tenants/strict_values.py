"""Fields of every class, what each takes, and values of every kind."""

import enum
from typing import Any

from django.db import models
from rest_framework import serializers

from tenants.models import Tenant
from tenants.strict import unfit


class Size(models.IntegerChoices):
    SMALL = 1
    LARGE = 2


class Colour(enum.Enum):
    RED = "red"


class Columns(models.Model):
    """Columns that have no serializer field of their own, or whose field knows them."""

    data = models.BinaryField(editable=True)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return "columns"


DATA = Columns._meta.get_field("data")
TENANTS: Any = Tenant.objects.all()

TAKES: dict[str, tuple[Any, list[Any]]] = {
    "boolean": (serializers.BooleanField(), [True, False]),
    "char": (serializers.CharField(), ["5", "text"]),
    "email": (serializers.EmailField(), ["a@example.com"]),
    "regex": (serializers.RegexField("^[a-z]$"), ["a"]),
    "slug": (serializers.SlugField(), ["5", "text"]),
    "url": (serializers.URLField(), ["https://example.com/"]),
    "uuid": (serializers.UUIDField(), ["12345678-1234-5678-1234-567812345678"]),
    "ip": (serializers.IPAddressField(), ["127.0.0.1"]),
    "integer": (serializers.IntegerField(), [5, 0, -(2**63), 2**63]),
    "big": (serializers.BigIntegerField(), [5, 0, -(2**63)]),
    "float": (serializers.FloatField(), [5, 5.0, 1.5, 0, 1e22, -1e300]),
    "decimal": (serializers.DecimalField(5, 1), ["5.0", "1.5"]),
    "moment": (serializers.DateTimeField(), ["2026-02-28T10:00:00Z"]),
    "day": (serializers.DateField(), ["2026-02-28"]),
    "time": (serializers.TimeField(), ["10:00:00"]),
    "duration": (serializers.DurationField(), ["1 02:03:04", "00:00:05"]),
    "choice": (serializers.ChoiceField(["a", "b"]), ["a"]),
    "blank choice": (serializers.ChoiceField(["a"], allow_blank=True), ["a", ""]),
    "integer choice": (serializers.ChoiceField(Size.choices), [1, 2]),
    "enumeration": (serializers.ChoiceField([(Size.SMALL, "S")]), [1]),
    "boolean choice": (serializers.ChoiceField([(True, "yes")]), [True]),
    "no choice": (serializers.ChoiceField([(None, "-"), ("a", "A")]), ["a"]),
    "choices": (serializers.MultipleChoiceField(choices=["a", "b"]), [["a"], ["a", "b"], []]),
    "path": (serializers.FilePathField(path=str(__file__).rsplit("/", 1)[0]), [__file__]),
    "list": (serializers.ListField(child=serializers.IntegerField()), [[5], [], [1, 2]]),
    "lists": (
        serializers.ListField(child=serializers.ListField(child=serializers.BooleanField())),
        [[], [[True]], [[]]],
    ),
    "any list": (serializers.ListField(), [[5], [], [1, "a", None], ["a"], [[]], [{}], [True]]),
    "object": (serializers.DictField(child=serializers.IntegerField()), [{"a": 5}, {}]),
    "any object": (serializers.DictField(), [{"a": 5}, {}, {"a": None}, {"a": [1.5]}]),
    "hstore": (serializers.HStoreField(), [{"a": "b", "c": None}, {}]),
    "binary": (serializers.ModelField(DATA), ["AAEC", "text"]),
    "file": (serializers.FileField(), []),
    "image": (serializers.ImageField(), []),
}
VALUES: list[Any] = [
    True, False, 0, 1, 5, -1, 5.0, 1.5, "", " ", "5", "1", "5.0", "1.5", "true", "null", "None",
    "text", "a", "\0", "\ud800", [], ["a"], [1], [5], ["5"], [None], [True], [[]], [[1]], [{}], {},
    {"a": 5}, {"a": "5"}, {"a": True}, {"a": None}, {"a": [1.5]}, {"": "\0"}, {"\ud800": 1},
    [[True]],
    2**63, -(2**63), 2**64, 10**30, 1e22, float("inf"), float("nan"), "NaN", "Infinity", "1e999999",
    "2026-02-28", "2026-02-28T10:00:00Z", "10:00:00", "0000-01-01", "10000-01-01",
    "12345678-1234-5678-1234-567812345678", "999999999999 00:00:00", 20260228, {"a": {"b": 1}},
]  # fmt: skip
# Texts that are right for several.
SHARED: dict[str, list[Any]] = {
    "char": [v for v in VALUES if isinstance(v, str) and v.strip() and v not in ("\0", "\ud800")],
    "slug": ["1", "5", "true", "null", "None", "text", "a", "NaN", "Infinity", "1e999999",
             "2026-02-28", "0000-01-01", "10000-01-01", "12345678-1234-5678-1234-567812345678"],
    "regex": ["a"],
    "decimal": ["5", "1", "5.0", "1.5"],
    "day": ["2026-02-28"],
    "moment": ["2026-02-28T10:00:00Z", "2026-02-28"],
    "path": [""],
    "time": ["10:00:00"],
    "duration": ["5", "1", "5.0", "1.5", "10:00:00"],
    "uuid": ["12345678-1234-5678-1234-567812345678"],
    "integer": [0, 1, 5, -1, 2**63, -(2**63), 20260228],
    "big": [0, 1, 5, -1, 2**63, -(2**63), 20260228],
    "float": [0, 1, 5, -1, 5.0, 1.5, 2**63, -(2**63), 20260228],
    "choice": ["a"], "blank choice": ["a", ""], "no choice": ["a"],
    "integer choice": [1], "enumeration": [1], "boolean choice": [True],
    "choices": [[], ["a"]],
    "list": [[], [1], [5]], "lists": [[], [[]], [[True]]],
    "any list": [[], ["a"], [1], [5], ["5"], [None], [True], [[]], [[1]], [{}], [[True]]],
    "object": [{}, {"a": 5}],
    "any object": [v for v in VALUES if isinstance(v, dict) and unfit(v) is None],
    "hstore": [{}, {"a": "5"}, {"a": None}],
    "binary": ["", "null", "None", "text", "true", "Infinity", "1e999999"],
    "boolean": [True, False],
}  # fmt: skip

"""A filter's condition on columns holds for the rows whose payload matches, and for no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from django.db import connection, models, transaction
from rest_framework import serializers

from permissions.audiences import Audience, Resource
from permissions.filter_columns import Parameters, condition, why_not
from permissions.filters import Where, match
from permissions.listing import Ask, list_within
from permissions.rendering import payload
from permissions.serializers import AudienceSerializer
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tests.world import World

TEXTS: Final = [
    "",
    " ",
    "a",
    "A",
    "a ",
    " a",
    "é",
    "e\u0301",
    "ß",
    "ss",
    "null",
    "1",
    "💧",
    "%",
    "a'b",
]
STORED: Final[dict[str, list[Any]]] = {
    "title": [t for t in TEXTS if t != ""],  # unique, but for empty ones
    "code": [None, *TEXTS],
    "notes": TEXTS,
    "aisle": [None, 0, 1, -1, 2**31 - 1],
    "stars": [None, 1, 2, 3],
    "big": [None, 2**63 - 1, -(2**63), 2**53, 2**53 + 1],
    "small": [None, 0, 7],
    "low": [0, 1],
    "ratio": [None, 0.0, -0.0, 0.1, 1.0, 1e300, float(2**53)],
    "price": [None, Decimal("0.00"), Decimal("1.50"), Decimal("-1.50"), Decimal("999999.99")],
    "took": [None, timedelta(0), timedelta(days=1), timedelta(microseconds=1), timedelta(-1)],
    "at": [
        None, datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
    "day": [None, date(2030, 1, 2), date(1, 1, 1), date(9999, 12, 31)],
    "hour": [None, time(0), time(23, 59, 59, 999999)],
    "uuid": [None, UUID(int=0), UUID("550e8400-e29b-41d4-a716-446655440000")],
}  # fmt: skip
MORE: Final = [
    None, True, False, 0, 1, 2, 0.0, 1.0, 5, -1, 2**31, 2**53 + 1, 2**63, 2**70, 1e300, 0.5,
    "null", "true", "1.5", "1.500", "-0.00", "0.00", "00.00", "0", "1e2", "NaN", "Infinity", "",
    "2030-01-02", "2030-1-2", "20300102", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00+00:00",
    "2030-01-01T00:00:00", "2030-01-01 00:00:00Z", "2030-01-01T01:00:00+01:00", "2030-02-31",
    "550E8400-E29B-41D4-A716-446655440000", "550e8400e29b41d4a716446655440000", "00:00:00", "00:00",
    "0:0:0", "1 00:00:00", "24:00:00", "a\0", "\ud800", "One", "999999999999.99",
]  # fmt: skip
"""Values that some column might take for one of its own."""


def items(world: World) -> dict[int, dict[str, Any]]:
    """An item for each value of each column, with its keeper's payload, by key."""
    from tests.permissions.shop.models import Item
    from tests.permissions.shop.urls import ITEMS

    place = {"tenant": world.tenants["acme"], "owner": world.user("owner")}
    for name, values in STORED.items():
        for value in values:
            Item.objects.bulk_create([Item(**place, **{name: value})])
    mine = Item.objects.filter(tenant=place["tenant"])
    keeper = ITEMS.audiences[0]
    return {item.pk: orjson.loads(orjson.dumps(payload(keeper, item))) for item in mine}


def test_condition_holds_for_the_rows_whose_payload_matches(shop: World) -> None:
    """Of each type, for what its rows show and for what they might be taken for."""
    from tests.permissions.shop.urls import ITEMS

    with transaction.atomic():
        shown = items(shop)
        for name in STORED:
            own = list(dict.fromkeys(str(p[name]) for p in shown.values()))
            values = [*{repr(p[name]): p[name] for p in shown.values()}.values(), *MORE, *own]
            check(replace(ITEMS, filters=(name,)), shop, shown, name, values)
        transaction.set_rollback(True)


def check(
    resource: Resource, world: World, shown: dict[int, Any], name: str, values: list[Any]
) -> None:
    assert why_not(resource, name) is None
    wanted: list[Where] = [((name, (value,)),) for value in values]
    wanted += [((name, (None, values[0], values[-1])),), ((name, tuple(values[:5])),)]
    asks = [Ask(world.user("owner").pk, 1000, None, where) for where in wanted]
    found = list_within(resource, world.tenants["acme"].pk, asks)
    for where, keys in zip(wanted, found, strict=True):
        expected = [pk for pk, seen in shown.items() if match(where, seen)]
        assert keys == sorted(expected, reverse=True), where


def test_condition_of_a_field_that_the_audience_does_not_have_never_holds(shop: World) -> None:
    from tests.permissions.shop.urls import ITEMS

    looker = ITEMS.declared("looker")
    for name in set(STORED) - {"title"}:
        where: Where = ((name, (None,)),)
        assert condition(ITEMS, looker, where, Parameters(), connection) is None
    both: Where = (("aisle", (1,)), ("title", ("a",)))
    assert condition(ITEMS, looker, both, Parameters(), connection) is None


@pytest.mark.django_db
def test_texts_are_compared_as_written_whatever_the_collation() -> None:
    folding = "COLLATE NOCASE" if connection.vendor == "sqlite" else ""
    parameters = Parameters()
    where: Where = (("status", ("draft",)),)
    text = condition(DOCUMENTS, DOCUMENTS.audiences[0], where, parameters, connection)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE o (status varchar(9) {folding})")
        cursor.execute("INSERT INTO o VALUES ('draft'), ('Draft')")
        cursor.execute(f"SELECT status FROM o WHERE TRUE{text}", parameters)
        assert cursor.fetchall() == [("draft",)]
        transaction.set_rollback(True)
    assert str(text).count("COLLATE") == 1


class Dated(AudienceSerializer):
    due_on = serializers.DateField(format="%Y")

    class Meta:
        model = Document
        fields = ("id", "title", "due_on", "status")
        extra_kwargs: dict[str, Any] = {"status": {"required": False}}


Coded: Any = type("Coded", (models.CharField,), {"from_db_value": lambda _, value, *__: value})


@pytest.mark.parametrize(
    ("resource", "name", "reason"),
    [
        (DOCUMENTS, "owner", "no audience sees it"),
        (DOCUMENTS, "nothing", "no audience sees it"),
        (DOCUMENTS, "id", "it is no column"),
        (DOCUMENTS, "owner_name", "it is no column"),
        (PROFILES, "username", "it is no column"),
        (replace(DOCUMENTS, audiences=(Audience("a", "a", Dated),)), "due_on", "way of its own"),
        (replace(DOCUMENTS, audiences=(Audience("a", "a", Dated),)), "status", "way of its own"),
    ],
)
def test_what_no_condition_could_say_is_no_filter(
    resource: Resource, name: str, reason: str
) -> None:
    assert reason in str(why_not(resource, name))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (Coded(max_length=9), "converts what is stored"),
        (models.DecimalField(max_digits=16, decimal_places=2), "more than 15 digits"),
        (models.JSONField(max_length=9), "it is no column"),
    ],
)
def test_column_that_does_not_compare_as_it_shows_is_no_filter(
    monkeypatch: pytest.MonkeyPatch, column: Any, reason: str
) -> None:
    column.set_attributes_from_name("title")
    monkeypatch.setattr(Document._meta, "local_concrete_fields", [column])
    assert reason in str(why_not(DOCUMENTS, "title"))

"""The forms of column that only PostgreSQL has; see `columns`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

from django.contrib.postgres import fields, signals
from django.contrib.postgres.search import SearchVectorField
from django.contrib.postgres.signals import register_type_handlers
from django.db import connection, models
from django.db.backends.postgresql.psycopg_any import DateRange, DateTimeTZRange, NumericRange
from django.db.backends.signals import connection_created

from tests.formed.columns import LATER, NOON, Column, Suit, TypedField

DAY = date(2026, 1, 1)
EXTENSIONS = ("hstore", "citext", "btree_gist")


def array(base: Any, size: int = 3, **options: Any) -> Any:
    return lambda: fields.ArrayField(base(), size=size, **options)


def short() -> Any:
    return models.CharField(max_length=5)


def typed(type: str) -> Any:
    return lambda: TypedField(type=type, max_length=200)


COLUMNS: dict[str, Column] = {
    "ArrayField": Column(array(short), ["a"], ["b", "c"]),
    "ArrayField null": Column(array(short, null=True), None, []),
    "ArrayField of arrays": Column(array(array(models.IntegerField, 2)), [[1, 2]], [[1], [3]]),
    "ArrayField of choices": Column(
        array(lambda: models.CharField(max_length=1, choices=Suit)), [Suit.HEARTS], [Suit.CLUBS]
    ),
    "ArrayField of dates": Column(array(models.DateField), [DAY], [DAY, DAY]),
    "ArrayField of decimals": Column(
        array(lambda: models.DecimalField(max_digits=5, decimal_places=2)), [Decimal("1.1")], []
    ),
    "ArrayField of nulls": Column(array(lambda: models.IntegerField(null=True)), [None], [1, None]),
    "HStoreField": Column(
        lambda: fields.HStoreField(max_length=50), {"a": "b"}, {"a": None, "ü '\"%": ""}
    ),
    "HStoreField null": Column(lambda: fields.HStoreField(max_length=50, null=True), {}, None),
    "IntegerRangeField": Column(fields.IntegerRangeField, NumericRange(1, 5), NumericRange(1, 6)),
    "IntegerRangeField empty": Column(
        fields.IntegerRangeField, NumericRange(1, 5), NumericRange(empty=True)
    ),
    "IntegerRangeField null": Column(
        lambda: fields.IntegerRangeField(null=True), NumericRange(None, None), None
    ),
    "BigIntegerRangeField": Column(
        fields.BigIntegerRangeField, NumericRange(1, 5), NumericRange(None, 6)
    ),
    "DateRangeField": Column(
        fields.DateRangeField, DateRange(DAY, DAY + timedelta(1)), DateRange(DAY, None)
    ),
    "DateTimeRangeField": Column(
        fields.DateTimeRangeField, DateTimeTZRange(NOON, NOON + LATER), DateTimeTZRange(NOON, None)
    ),
    "DateTimeRangeField default_bounds": Column(
        lambda: fields.DateTimeRangeField(default_bounds="[]"),
        DateTimeTZRange(NOON, NOON + LATER, "[]"),
        DateTimeTZRange(NOON, None, "(]"),
    ),
    "SearchVectorField": Column(lambda: SearchVectorField(max_length=200), "'one':1", "'two':2"),
    "a place without equality": Column(typed("point"), "(1,2)", "(1,3)"),
    "a box that equals one of its size": Column(typed("box"), "(2,2),(1,1)", "(3,3),(2,2)"),
    "a text in any case": Column(typed("citext"), "one", "ONE"),
}
UNWRITTEN = ("SearchVectorField",)
"""What REST does not write."""


@contextmanager
def extended(blocker: Any) -> Iterator[None]:
    """The database knows the types, and each connection their values, as the app
    `django.contrib.postgres` and its operations have it."""
    with blocker.unblock():
        told("CREATE EXTENSION {}")
        for known in (signals.get_hstore_oids, signals.get_citext_oids):
            cast("Any", known).cache_clear()
        register_type_handlers(connection)
    connection_created.connect(register_type_handlers)
    yield
    connection_created.disconnect(register_type_handlers)
    with blocker.unblock():
        told("DROP EXTENSION {}")
        connection.close()


def told(statement: str) -> None:
    with connection.cursor() as cursor:
        for name in EXTENSIONS:
            cursor.execute(statement.format(name))

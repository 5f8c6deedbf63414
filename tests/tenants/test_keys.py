import uuid
from typing import Any

import pytest
from django.db import connection, models
from hypothesis import given
from hypothesis import strategies as st

from tenants.keys import (
    INTEGER,
    TEXT,
    UNIQUE,
    KeyField,
    UnknownKind,
    as_logged,
    field_of,
    kind_of,
    logged,
    read,
    spelled,
)
from tenants.models import Ticket, User
from tests.keyed.models import Named, Small, Unique

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
keys = st.one_of(st.integers(-(2**63), 2**63 - 1), st.uuids(), texts)


def test_what_keys_are_is_what_their_field_holds() -> None:
    assert [kind_of(model) for model in (Small, Unique, Named)] == [INTEGER, UNIQUE, TEXT]
    assert kind_of(User) == INTEGER


def test_key_that_is_a_foreign_key_is_what_the_other_models_is() -> None:
    class Extra(models.Model):
        of = models.OneToOneField(Unique, models.CASCADE, primary_key=True)

        class Meta:
            app_label = "unkeyed"

    assert field_of(Extra) is Unique._meta.pk
    assert kind_of(Extra) == UNIQUE


def test_key_of_another_type_is_refused_with_what_to_do() -> None:
    class Day(models.Model):
        day = models.DateField(primary_key=True)

        class Meta:
            app_label = "unkeyed"

    with pytest.raises(UnknownKind, match=r"unkeyed.Day is neither .*: give the model such a key"):
        kind_of(Day)


@given(keys)
def test_key_is_read_as_it_is_spelled_also_by_the_logs(key: Any) -> None:
    assert read(spelled(key)) == key == read(as_logged(key))
    assert type(read(as_logged(key))) is type(key)


@given(keys, keys)
def test_two_keys_are_spelled_differently(one: Any, other: Any) -> None:
    same = type(one) is type(other) and one == other
    assert (as_logged(one) == as_logged(other)) == same


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_numbers_are_in_order_in_an_index_of_the_logs(numbers: list[int]) -> None:
    """New rows then come last in it, as cheap as where the column is a number."""
    assert sorted(numbers, key=as_logged) == sorted(numbers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "key"),
    [(INTEGER, -5), (UNIQUE, uuid.UUID(int=0xF << 120 | 7)), (TEXT, "1e5"), (TEXT, "u'\\é")],
)
def test_database_spells_a_key_as_the_server_does(kind: str, key: Any) -> None:
    column = {INTEGER: models.BigIntegerField, UNIQUE: models.UUIDField, TEXT: models.TextField}
    field: Any = column[kind]()
    value = field.get_db_prep_value(key, connection)
    with connection.cursor() as cursor:
        type_ = field.db_type(connection)
        row = f"(SELECT CAST(%s AS {type_}) AS key) r"
        cursor.execute(f"SELECT {logged(kind, 'r.key')} FROM {row}", [value])
        assert cursor.fetchone() == (KeyField().get_db_prep_value(key, connection),)


def test_column_of_keys_goes_through_fixtures() -> None:
    class Note(models.Model):
        about = KeyField(null=True)

        class Meta:
            app_label = "unkeyed"

    field: Any = Note._meta.get_field("about")
    assert field.value_to_string(Note(about="x")) == "tx"
    assert field.to_python("tx") == "tx"
    assert isinstance(Ticket._meta.pk, models.Field)

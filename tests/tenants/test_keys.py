import uuid
from typing import Any

import pytest
from django.db import connection, models
from django.db.utils import load_backend
from hypothesis import given
from hypothesis import strategies as st

from realtime.capture.interval_models import principal_of, user_of
from tenants import keys as tenants_keys
from tenants.keys import (
    INTEGER,
    TEXT,
    UNIQUE,
    KeyField,
    UnknownKind,
    UserKeyField,
    as_logged,
    field_of,
    kind_of,
    logged,
    named,
    nobody,
    read,
    spelled,
    user_type,
)
from tenants.models import MembershipTask, Ticket, User
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


class Converted(models.CharField):
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value.lower()


def test_key_that_is_not_what_the_database_has_is_refused() -> None:
    class Loud(models.Model):
        name = Converted(primary_key=True, max_length=9)

        class Meta:
            app_label = "unkeyed"

    with pytest.raises(UnknownKind):
        kind_of(Loud)


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


def test_columns_of_users_hold_keys_as_the_user_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    field: Any = MembershipTask._meta.get_field("user_id")
    assert isinstance(field, UserKeyField)
    assert field.db_type(connection) == models.BigIntegerField().db_type(connection)
    monkeypatch.setattr(tenants_keys, "users", lambda: Unique)
    key = uuid.uuid4()
    assert field.db_parameters(connection) == {
        "type": models.UUIDField().db_type(connection),
        "check": None,
        "collation": None,
    }
    assert field.cast_db_type(connection) == field.db_type(connection)
    assert field.to_python(str(key)) == key == field.get_prep_value(key.hex)
    stored = key if connection.vendor == "postgresql" else key.hex
    assert field.get_db_prep_value(key, connection) == stored
    assert field.get_col("there").output_field is Unique._meta.pk


@pytest.mark.parametrize(
    ("model", "type", "key"), [(Small, "bigint", 0), (Unique, "uuid", uuid.UUID(int=0)),
                               (Named, "text", "")],
)  # fmt: skip
def test_no_user_has_the_key_of_nobody(
    monkeypatch: pytest.MonkeyPatch, model: Any, type: str, key: Any
) -> None:
    monkeypatch.setattr(tenants_keys, "users", lambda: model)
    assert (user_type(), nobody()) == (type, key)


@pytest.mark.parametrize(("vendor", "collation"), [("postgresql", "C"), ("sqlite3", None)])
def test_column_of_keys_is_compared_byte_by_byte(vendor: str, collation: str | None) -> None:
    database: Any = load_backend(f"django.db.backends.{vendor}").DatabaseWrapper({})
    found = KeyField().db_parameters(database)
    assert (found["type"], found.get("collation")) == ("text", collation)


@given(keys)
def test_name_of_a_principal_tells_the_user(key: Any) -> None:
    assert user_of(principal_of(key)) == key


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "key"), [(Small, 7), (Unique, uuid.UUID(int=7)), (Named, "seven")]
)
def test_database_names_principals_as_the_code_does(
    monkeypatch: pytest.MonkeyPatch, model: Any, key: Any
) -> None:
    monkeypatch.setattr(tenants_keys, "users", lambda: model)
    value = key.hex if isinstance(key, uuid.UUID) else key
    type = f"CAST(%s AS {user_type()})" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 'user:' || {named('k')} FROM (SELECT {type} AS k) t", [value])
        assert cursor.fetchall() == [(principal_of(key),)]


def test_any_number_of_keys_is_one_parameter() -> None:
    one = uuid.UUID(int=1)
    assert tenants_keys.parameters([1, 12], "postgresql") == "{1,12}"
    assert tenants_keys.parameters([], "postgresql") == "{}"
    assert tenants_keys.parameters([one], "postgresql") == [one]
    assert tenants_keys.parameters(["a,b"], "postgresql") == ["a,b"]
    assert tenants_keys.parameters([1, one, "a"], "sqlite") == f'[1, "{one.hex}", "a"]'

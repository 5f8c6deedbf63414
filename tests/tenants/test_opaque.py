import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from tenants.models import Tenant, User
from tenants.opaque import OpaqueIdField, decode, encode
from tests.tenants.conftest import Colleague

keys = st.integers(0, sys.maxsize)


@given(keys)
def test_id_leads_back_to_its_key(pk: int) -> None:
    text = encode(User, pk)
    assert len(text) >= 8
    assert text.isalnum()
    assert decode(User, text) == pk


@given(keys, keys)
def test_ids_of_two_rows_differ(one: int, other: int) -> None:
    assert (encode(User, one) == encode(User, other)) == (one == other)


@given(st.one_of(st.text(), st.text("abcXYZ019", max_size=40)))
def test_any_text_is_one_key_canonically_or_none(text: str) -> None:
    pk = decode(User, text)
    assert pk is None or encode(User, pk) == text


def test_ids_never_change() -> None:
    assert [encode(User, pk) for pk in (1, 2, 3)] == ["BkjJaH5n", "VEp3SEWu", "DINNOsXT"]
    assert [encode(Tenant, pk) for pk in (1, 2, 3)] == ["0ahed9MQ", "5ITPqxhC", "82MtmidF"]


def test_id_of_another_model_is_not_the_same_row() -> None:
    assert [pk for pk in range(1, 500) if decode(Tenant, encode(User, pk)) == pk] == []


def test_proxy_has_the_ids_of_its_model() -> None:
    assert encode(Colleague, 7) == encode(User, 7)


@pytest.mark.parametrize("text", ["", "1", "not an id", "a" * 33, "a" * 100_000, "é" * 8, "\0" * 8])
def test_what_is_no_id_decodes_to_none(text: str) -> None:
    assert decode(User, text) is None


def test_id_of_a_number_beyond_any_key_decodes_to_none() -> None:
    longest = encode(User, sys.maxsize)
    swollen = [decode(User, longest + extra) for extra in longest]
    assert swollen == [None] * len(longest)


def test_field_shows_the_id_and_takes_none() -> None:
    class Reference(serializers.Serializer[User]):
        id = OpaqueIdField(User)
        user = OpaqueIdField(User, source="id", read_only=True)

    reference = Reference(User(pk=5), data={"id": "x", "user": "x"})
    assert reference.is_valid()
    assert reference.validated_data == {}
    assert Reference(User(pk=5)).data == {"id": encode(User, 5), "user": encode(User, 5)}

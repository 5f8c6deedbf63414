import sys
from collections import Counter
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from tenants import opaque
from tenants.models import Tenant, User
from tenants.opaque import MAX_LENGTH, OpaqueIdField, decode, encode
from tests.keyed.models import Named, Small, Unique
from tests.tenants.conftest import Colleague

keys = st.integers(0, sys.maxsize)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(keys)
def test_id_leads_back_to_its_key(pk: int) -> None:
    text = encode(User, pk)
    assert len(text) >= 8
    assert text.isalnum()
    assert decode(User, text) == pk


@given(st.uuids())
def test_id_of_a_uuid_leads_back_and_is_as_short_as_may_be(pk: UUID) -> None:
    text = encode(Unique, pk)
    assert len(text) <= MAX_LENGTH
    assert text.isalnum()
    assert decode(Unique, text) == pk


@given(texts)
def test_id_of_a_text_leads_back_to_it(pk: str) -> None:
    text = encode(Named, pk)
    assert len(text) >= 8
    assert text.isalnum()
    assert decode(Named, text) == pk


@pytest.mark.parametrize("model", [Unique, Named])
@given(st.one_of(st.text(), st.text("abcXYZ019", max_size=40), keys.map(partial(encode, Small))))
def test_any_text_is_one_key_of_any_type_canonically_or_none(model: Any, text: str) -> None:
    pk = decode(model, text)
    assert pk is None or encode(model, pk) == text


def test_ids_of_keys_that_are_near_have_nothing_in_common() -> None:
    """Else somebody could tell which object was made after which, or what its name begins with."""
    near = [[encode(Unique, UUID(int=n)) for n in range(200)]]
    near.append([encode(Named, f"invoice-{n:03}") for n in range(200)])
    for ids in near:
        assert ids != sorted(ids) != ids[::-1]
        begun = Counter(id[:3] for id in ids)
        assert max(begun.values()) <= 3, begun


def test_text_that_no_column_holds_has_no_id_that_leads_to_it() -> None:
    for pk in ("x" * 41, "a\0b"):
        assert decode(Named, encode(Named, pk)) is None


def test_bytes_that_are_no_text_lead_to_none() -> None:
    data = b"\xff\xfe"
    tag = opaque._tag("keyed.named", data)
    mixed = tag + opaque._mixed("keyed.named", tag, data)
    text = opaque._sqids("keyed.named").encode([int.from_bytes(b"\1" + mixed)])
    assert decode(Named, text) is None


def test_numbers_of_another_key_lead_to_none() -> None:
    sqids = opaque._sqids
    assert decode(Unique, sqids("keyed.unique").encode([5, 6])) is None
    assert decode(Small, sqids("keyed.small").encode([5, 6])) is None


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


def test_ids_of_keys_that_are_no_numbers_never_change() -> None:
    assert encode(Unique, UUID(int=1)) == "VGBW6rIe3oVzErrsuwWDbBSJmrwa3BsA"
    assert encode(Named, "é") == "ey3eMu4iDO"


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

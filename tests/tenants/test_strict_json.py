"""JSON that could not be stored and shown as it came is refused, whatever its field."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from tenants.strict import MAX_DEPTH, Repeating, StrictSerializer, unfit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def body(field: Any, value: Any) -> Any:
    serializer = type("Body", (StrictSerializer,), {"f": field})(data={"f": value})
    serializer.is_valid()
    return serializer


@given(JSON)
def test_json_field_takes_what_it_can_show_and_nothing_else(value: Any) -> None:
    serializer = body(serializers.JSONField(allow_null=True), value)
    if serializer.errors:
        assert unfit(value) is not None
    else:
        assert orjson.loads(orjson.dumps(serializer.data["f"])) == value


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if depth % 2 else {"a": value}
    return value


UNFIT: list[Any] = [
    "\0", "a\0b", "\ud800", {"a\0": 1}, {"\udfff": 1}, [["\0"]], {"a": [{"b": "\ud800"}]},
    2**64, -(2**63) - 1, 10**400, [2**64], float("inf"), float("-inf"), float("nan"), 1e400, 1e22,
    -1e300,
    nested(MAX_DEPTH + 1), nested(MAX_DEPTH + 2), nested(900),
]  # fmt: skip
FIT: list[Any] = [
    "", "é", "\U0001f600", 2**64 - 1, -(2**63), 0, -0.0, 1.0, 1.5, 1e-300, 5e-324, 1e16, 1e18, 0.1,
    None, True, [], {}, nested(MAX_DEPTH), nested(MAX_DEPTH - 1), {"": {"": []}},
]  # fmt: skip


@pytest.mark.parametrize("value", UNFIT, ids=lambda v: repr(v)[:20])
def test_json_that_could_not_come_back_is_refused(value: Any) -> None:
    assert list(body(serializers.JSONField(), value).errors) == ["f"]


@pytest.mark.parametrize("value", FIT, ids=lambda v: repr(v)[:20])
def test_json_that_comes_back_is_taken(value: Any) -> None:
    assert body(serializers.JSONField(allow_null=True), value).errors == {}


def test_key_that_is_there_twice_is_refused() -> None:
    text = '{"f": {"a": 1, "b": [{"c": 1, "c": 2}]}}'
    parsed = json.loads(text, object_pairs_hook=Repeating.parse)
    serializer = type("Body", (StrictSerializer,), {"f": serializers.JSONField()})(data=parsed)
    assert not serializer.is_valid()
    assert "'c'" in serializer.errors["f"][0]
    assert type(json.loads('{"a": 1}', object_pairs_hook=Repeating.parse)) is dict

"""Filters compare JSON values of a payload by type and value."""

from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict

from permissions.filters import InvalidWhere, Where, match, parse_query, parse_where
from resources.audiences import DOCUMENTS
from tests.world import World

FILTERED = replace(DOCUMENTS, filters=("status", "due_on", "budget"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "a"), ("", ""), ("é", "é"), (" a ", " a "), (1, 1), (1, 1.0), (1.0, 1), (0.5, 0.5),
        (True, True), (False, False), (None, None), (2**53, 2**53),
    ],
)  # fmt: skip
def test_equal_values_match(value: Any, shown: Any) -> None:
    assert match((("x", (value,)),), {"x": shown})
    assert match((("x", ("other", value)),), {"x": shown, "y": 1})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "A"), ("a", "a "), ("", None), ("é", "e\u0301"), (1, "1"), ("1", 1), (1, True),
        (True, 1), (0, False), (False, 0), (None, False), (None, ""), (None, 0), ("true", True),
        ("null", None), (2**53, 2**53 + 1), (2.0**53, 2**53 + 1), ("a", ["a"]), ("a", {"a": 1}),
    ],
)  # fmt: skip
def test_values_that_differ_in_type_or_value_do_not_match(value: Any, shown: Any) -> None:
    assert not match((("x", (value,)),), {"x": shown})


def test_absent_field_and_absent_payload_match_nothing_but_no_filter() -> None:
    where: Where = (("x", (None, "a")),)
    assert not match(where, {})
    assert not match(where, {"y": "a"})
    assert not match(where, None)
    assert match((), None)
    assert match((), {})
    assert not match((*where, ("y", (1,))), {"x": "a", "y": 2})


def test_where_takes_a_value_or_several_for_each_declared_field() -> None:
    assert parse_where(FILTERED, None) == ()
    assert parse_where(FILTERED, {}) == ()
    assert parse_where(FILTERED, {"status": "draft"}) == (("status", ("draft",)),)
    assert parse_where(FILTERED, {"status": ["a", "b"], "due_on": None, "budget": ["1.00"]}) == (
        ("budget", ("1.00",)), ("due_on", (None,)), ("status", ("a", "b")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (5, None), ("status", None), ([], None), (["status"], None), (True, None), (0, None),
        ({"title": "Plan"}, "title"), ({"id": "x"}, "id"), ({"": "x"}, ""),
        ({"status__in": ["x"]}, "status__in"), ({"owner": 1}, "owner"),
        ({"status": 5}, "status"), ({"status": True}, "status"), ({"status": {}}, "status"),
        ({"status": {"not": "draft"}}, "status"), ({"status": []}, "status"),
        ({"status": [["draft"]]}, "status"), ({"status": ["draft", 5]}, "status"),
        ({"status": ["x"] * 101}, "status"), ({"status": "a\0"}, "status"),
        ({"status": "\ud800"}, "status"), ({"budget": 10}, "budget"), ({"budget": 1.5}, "budget"),
    ],
    ids=repr,
)  # fmt: skip
def test_wrong_where_is_refused_and_named(raw: Any, field: str | None) -> None:
    with pytest.raises(InvalidWhere) as error:
        parse_where(FILTERED, raw)
    assert error.value.field == field
    assert field is None or field in str(error.value)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ()),
        ("page=2&title=Plan&owner=1&status__in=draft", ()),
        ("status=draft", (("status", ("draft",)),)),
        ("status=a&status=b&x=y", (("status", ("a", "b")),)),
        ("status=", (("status", ("",)),)),
        ("status=null&due_on=null", (("due_on", (None,)), ("status", ("null",)))),
        ("budget=10.00&due_on=2030-01-01", (("budget", ("10.00",)), ("due_on", ("2030-01-01",)))),
    ],
)
def test_query_asks_for_declared_fields_alone(query: str, expected: Where) -> None:
    assert parse_query(FILTERED, QueryDict(query)) == expected


AS_JSON: dict[str, Where | None] = {
    "ratio=1e300": (("ratio", (1e300,)),),
    "main=true&main=false": (("main", (True, False)),),
    "aisle=5&ratio=1.5&ratio=2": (("aisle", (5,)), ("ratio", (1.5, 2))),
    "aisle=null&code=null": (("aisle", (None,)), ("code", ("null",))),
    **dict.fromkeys(
        (
            "main=1", "main=True", "main=", 'main="true"', "aisle=x", "aisle=5.0", "aisle=[5]",
            "aisle=1e400", "aisle=99999999999999999999999", "ratio=NaN", "code=%00",
        )
    ),
}  # fmt: skip


def test_query_spells_what_is_no_text_as_json(shop: World) -> None:
    from tests.permissions.shop.urls import ITEMS

    items = replace(ITEMS, filters=("main", "aisle", "ratio", "code"))
    for query, expected in AS_JSON.items():
        if expected is None:
            with pytest.raises(InvalidWhere):
                parse_query(items, QueryDict(query))
        else:
            assert parse_query(items, QueryDict(query)) == expected

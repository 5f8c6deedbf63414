"""Examples are values of what they are examples of."""

from __future__ import annotations

from typing import Any

import pytest

from project.contracts.examples import example
from project.contracts.schemas import reference

ONE = {"One": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (reference("One"), ONE),
        ({"oneOf": [{"const": "a"}, {"type": "null"}]}, "a"),
        ({"type": "array", "items": {"enum": ["b", "c"]}}, ["b"]),
        ({"type": "object", "properties": {"name": {"const": 5}}}, {"name": 5}),
        ({"type": ["boolean", "null"]}, True),
    ],
)
def test_example_is_what_the_schema_describes(schema: Any, value: Any) -> None:
    found = example(schema, ONE)
    if value is ONE:
        assert isinstance(found, int)
    else:
        assert found == value

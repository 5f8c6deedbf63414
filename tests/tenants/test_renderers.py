import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.utils.functional import lazystr

from tenants.renderers import JSONRenderer


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (None, b""),
        ({}, b"{}"),
        ({"a": None, "b": ["é"]}, '{"a":null,"b":["é"]}'.encode()),
        ({"n": Decimal("1.50"), "l": lazystr("late")}, b'{"n":"1.50","l":"late"}'),
        ([orjson.Fragment(b'{"b" : 1}')], b'[{"b" : 1}]'),
    ],
)
def test_answer_becomes_bytes(data: Any, body: bytes) -> None:
    assert JSONRenderer().render(data, "application/json", {}) == body


def test_error_that_repeats_an_unpaired_surrogate_is_still_an_answer() -> None:
    data = {"\ud800": ["Unknown field."], "n": Decimal(1)}
    body = JSONRenderer().render(data)
    assert json.loads(body) == {"\ud800": ["Unknown field."], "n": "1"}

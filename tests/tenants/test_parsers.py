import io

import pytest
from rest_framework.exceptions import ParseError

from tenants.parsers import JSONParser


def test_json_is_parsed() -> None:
    assert JSONParser().parse(io.BytesIO(b'{"a": [1, null]}')) == {"a": [1, None]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b"\xff",
        b"[" * 10_000,
        b'{"a":' * 10_000,
        b"1" * 100_000,
    ],
)
def test_what_is_no_json_is_the_clients_mistake(body: bytes) -> None:
    with pytest.raises(ParseError):
        JSONParser().parse(io.BytesIO(body))


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * 20_001 + b"1]",
        b"[" + b"{}," * 10_001 + b"1]",
        b"[" * 20_001,
        b'{"a": "\\"", "b": [' + b'"", ' * 20_001 + b"1]}",
    ],
)
def test_json_of_too_many_values_is_refused_before_it_is_parsed(body: bytes) -> None:
    with pytest.raises(ParseError, match="more than 20000 values"):
        JSONParser().parse(io.BytesIO(body + b"no JSON"))


def test_what_stands_in_a_text_is_no_value() -> None:
    text = ',[{\\"' * 20_001
    assert JSONParser().parse(io.BytesIO(f'{{"a": "{text}"}}'.encode())) == {"a": ',[{"' * 20_001}


def test_text_that_does_not_end_is_looked_at_once() -> None:
    with pytest.raises(ParseError, match="parse error"):
        JSONParser().parse(io.BytesIO(b'["' + b'\\",' * 800_000))

import io

import pytest
from rest_framework.exceptions import ParseError

from permissions.parsers import JSONParser


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
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 100_000,
    ],
)
def test_what_is_no_json_is_the_clients_mistake(body: bytes) -> None:
    with pytest.raises(ParseError):
        JSONParser().parse(io.BytesIO(body))

"""Encoded JSON takes the memory that it needs."""

import tracemalloc

import pytest

from tenants.encoding import dumps


def test_json_is_encoded() -> None:
    assert dumps({"a": [1, "é"]}) == '{"a":[1,"é"]}'.encode()
    assert dumps({"a": 1 + 2j}, default=str) == b'{"a":"(1+2j)"}'


@pytest.mark.parametrize("size", [1_000, 100_000, 1_000_000])
def test_kept_json_takes_the_room_of_its_bytes(size: int) -> None:
    text = "b" * size
    tracemalloc.start()
    try:
        kept = [dumps({"body": text}) for _ in range(10)]
        assert tracemalloc.get_traced_memory()[0] < 1.2 * sum(map(len, kept))
    finally:
        tracemalloc.stop()

"""Which values the fields of a profile take."""

from typing import Any

import pytest

from resources.audiences import PROFILES

GOOD = {
    "display_name": ["", "Kim", "x" * 150],
    "title": ["", "x" * 150],
    "bio": ["", "x" * 2_000],
    "email": ["", "kim@example.com"],
    "phone": ["", "+49 30 123", "x" * 32],
    "timezone": ["", "Europe/Berlin"],
}
TYPES: list[Any] = [None, 5, 1.5, True, [], ["a"], {}, "a\0", "\ud800", 10**400]
BAD: dict[str, list[Any]] = {
    "display_name": [*TYPES, "x" * 151],
    "title": [*TYPES, "x" * 151],
    "bio": TYPES,
    "email": [*TYPES, "kim", "kim@", "a@b@example.com", "x" * 250 + "@example.com"],
    "phone": [*TYPES, "x" * 33],
    "timezone": [*TYPES, "x" * 65],
}


def errors(field: str, value: Any) -> set[str]:
    serializer: Any = PROFILES.audiences[0].write_serializer(data={field: value}, partial=True)
    serializer.is_valid()
    return set(serializer.errors)


@pytest.mark.parametrize("field", GOOD)
def test_good_values_are_taken(field: str) -> None:
    assert [errors(field, value) for value in GOOD[field]] == [set()] * len(GOOD[field])


@pytest.mark.parametrize("field", BAD)
def test_bad_values_are_refused_by_name(field: str) -> None:
    answers = [(repr(value)[:30], errors(field, value)) for value in BAD[field]]
    assert answers == [(repr(value)[:30], {field}) for value in BAD[field]]

"""Which values the fields of a document take."""

from typing import Any

import pytest

from resources.audiences import DOCUMENTS
from resources.documents.serializers import OwnerSerializer

OWNER = DOCUMENTS.audiences[0]

GOOD: list[tuple[str, Any, Any]] = [
    ("title", "T", "T"),
    ("title", "x" * 200, "x" * 200),
    ("title", "😀" * 200, "😀" * 200),
    ("body", "", ""),
    ("body", "a\nb\t\u202e", "a\nb\t\u202e"),
    ("body", "x" * 100_000, "x" * 100_000),
    ("status", "draft", "draft"),
    ("status", "published", "published"),
    ("status", "archived", "archived"),
    ("review_notes", "", ""),
    ("due_on", None, None),
    ("due_on", "2026-02-28", "2026-02-28"),
    ("due_on", "0001-01-01", "0001-01-01"),
    ("due_on", "9999-12-31", "9999-12-31"),
    ("budget", None, None),
    ("budget", "0", "0.00"),
    ("budget", "12.5", "12.50"),
    ("budget", "-1.25", "-1.25"),
    ("budget", "9999999999.99", "9999999999.99"),
]
BAD: dict[str, list[Any]] = {
    "title": ["", "  ", "x" * 201, None, 5, 1.5, True, [], ["a"], {}, "a\0b", "\ud800", 10**400],
    "body": [None, 5, False, [], {}, "\0", "\udfff"],
    "status": ["", "Draft", "DRAFT", "deleted", None, 0, True, ["draft"], {}, "draft\0", "\ud800"],
    "review_notes": [None, 5, True, [], {}, "\0"],
    "due_on": ["", "soon", "2026-02-29", "2026-02-28T00:00:00Z", "10000-01-01", 20260101, 0, True]
    + [[], {}, "2026-02-28\0", "\ud800"],
    "budget": ["", "x", "1.005", "10000000000.00", "NaN", "Infinity", "-inf", "1e400", "1e-400"]
    + ["9" * 5000, 5, 1.5, 0, True, [], {}, "1\0", "\ud800", "1,5"],
}


@pytest.mark.parametrize(("field", "value", "shown"), GOOD)
def test_good_value_is_taken(field: str, value: Any, shown: Any) -> None:
    serializer: Any = OWNER.write_serializer(data={"title": "T", field: value})
    assert serializer.is_valid(), serializer.errors
    bound = OwnerSerializer().fields[field]
    kept = serializer.validated_data[field]
    assert (None if kept is None else bound.to_representation(kept)) == shown


@pytest.mark.parametrize("field", BAD)
def test_bad_value_is_refused_by_name(field: str) -> None:
    def errors(value: Any, partial: bool) -> set[str]:
        data = {"title": "T", field: value}
        serializer: Any = OWNER.write_serializer(data=data, partial=partial)
        serializer.is_valid()
        return set(serializer.errors)

    answers = [(repr(v)[:30], errors(v, partial)) for v in BAD[field] for partial in (True, False)]
    assert answers == [(repr(v)[:30], {field}) for v in BAD[field] for _ in range(2)]


def test_only_the_title_is_required() -> None:
    serializer: Any = OWNER.write_serializer(data={})
    assert not serializer.is_valid()
    assert set(serializer.errors) == {"title"}

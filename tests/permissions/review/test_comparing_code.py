"""What a method shows, compared by its source."""

from __future__ import annotations

from dataclasses import replace

from permissions.review.catalogue import entry
from permissions.review.comparing import compare
from permissions.review.entries import Entry, Field, Source, Type
from tests.permissions.review.declared import (
    BASE,
)

# Code

LABEL = "resources.document"


def with_teaser(code: str, source: str = "teaser") -> Entry:
    """Documents with a field by a method, of this digest."""
    field = Field(Type("text"), Source("method", ("resources.document.title",), (), (source,)))
    plain = entry(BASE)
    shown = plain.audiences["viewer"]
    fields = {**shown.fields, "teaser": field}
    return replace(
        plain,
        audiences={**plain.audiences, "viewer": replace(shown, fields=fields)},
        code={**plain.code, source: code, "find of teaser": code},
    )


def differences(old: Entry, new: Entry) -> list[tuple[str, bool, str]]:
    return [(e.rule, e.widens, e.field) for e in compare({LABEL: old}, {LABEL: new})]


def test_method_that_comes_with_a_field_is_told_by_the_field() -> None:
    plain, teased = entry(BASE), with_teaser("1")
    assert differences(plain, teased) == [("field", True, "teaser")]
    assert [widens for _, widens, _ in differences(teased, plain)] == [False] * 3


def test_edit_of_a_method_is_wider() -> None:
    unchanged = with_teaser("1")
    assert differences(unchanged, unchanged) == []
    assert differences(unchanged, with_teaser("2")) == [
        ("code", True, "find of teaser"),
        ("code", True, "teaser"),
    ]


def test_code_without_a_field_of_its_own_is_wider() -> None:
    plain = entry(BASE)
    more = replace(plain, code={**plain.code, "ViewerSerializer.validate": "1"})
    assert differences(plain, more) == [("code", True, "ViewerSerializer.validate")]
    assert differences(more, plain) == [("code", False, "ViewerSerializer.validate")]

"""Since when somebody holds a permission: each app that keeps a record of it registers that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from permissions import decision
from permissions.review import beginnings
from permissions.review.beginnings import Beginning, beginning, register
from permissions.review.holding import Way
from permissions.subjects import Subject
from resources.audiences import DOCUMENTS

WAY = Way(decision.OWN, "view_document", Subject(user_id=2), "a grant to them")
AT = Beginning(datetime(2026, 1, 1, tzinfo=UTC), False, None)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginnings, "_registered", [])


def test_without_a_record_nothing_is_recorded() -> None:
    assert beginning(DOCUMENTS, 1, 2, 3, WAY) is None


def test_first_record_that_has_it_answers_and_each_is_asked_once() -> None:
    asked: list[str] = []

    def without(*args: Any) -> None:
        asked.append("without")

    def has(*args: Any) -> Beginning:
        assert args == (DOCUMENTS, 1, 2, 3, WAY)
        asked.append("has")
        return AT

    register(without)
    register(without)
    register(has)
    assert beginning(DOCUMENTS, 1, 2, 3, WAY) == AT
    assert asked == ["without", "has"]

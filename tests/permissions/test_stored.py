from __future__ import annotations

from typing import Any

from permissions.stored import is_beside, rows, version_of
from resources.audiences import DOCUMENTS
from resources.models import Document
from tests.keyed.models import Folder, Paper, Small
from tests.keyed.urls import RESOURCES


def test_version_is_beside_where_no_column_of_ours_holds_it() -> None:
    beside = {model: is_beside(model) for model in (Document, Small, Paper, Folder)}
    assert beside == {Document: False, Small: False, Paper: True, Folder: True}


def test_rows_are_those_of_the_model_whatever_its_managers_hide() -> None:
    assert vars(rows(DOCUMENTS)).get("told", False) is False
    assert "deleted_at" not in str(rows(RESOURCES[Paper]).values("pk").query)


def test_version_is_what_was_loaded() -> None:
    assert version_of(Small(version=3)) == 3
    assert version_of(Paper(version="B")) == 0
    paper: Any = Paper()
    paper.earshot_version = 7
    assert version_of(paper) == 7

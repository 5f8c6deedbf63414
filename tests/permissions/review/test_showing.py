"""The catalogue in plain words: what a reviewer reads, and what a program does."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from permissions.review.catalogue import catalogue, entry
from permissions.review.showing import rows, text
from tests.permissions.review.declared import BASE

HEAD = """\
resources.document
  A user is in the first audience that they hold, and sees its fields only.

  audience  permission       who gets it                  may also
  editor    change_document  the user in owner, by grant  delete, grant
  viewer    view_document    the role admin, by grant     -
"""


def review(*args: str) -> str:
    out = StringIO()
    call_command("review", *args, stdout=out)
    return out.getvalue()


def test_model_is_told_in_plain_words() -> None:
    lines = text({"resources.document": entry(BASE)}).splitlines()
    assert lines[:6] == HEAD.splitlines()
    cells = [line.split() for line in lines[7:-4]]
    assert cells[0] == ["field", "type", "from", "empty", "sensitivity", "editor", "viewer"]
    assert ["budget", *cells[4][-3:]] == ["budget", "secret", "read", "-"]
    # The same field with two labels is two rows: neither audience is told what is not so.
    found = [line[-3:] for line in cells if line[0] == "id"]
    assert found == [["undeclared", "read", "-"], ["public", "-", "read"]]
    assert [line[-3:] for line in cells if line[0] == "title"] == [["internal", "write", "read"]]
    assert lines[-3:] == [
        "  Nobody sees an object whose status is not 'published'.",
        "  Never shown: budget to viewer.",
        "  Never shown: anything secret to viewer.",
    ]


def test_model_without_rules_ends_with_its_matrix() -> None:
    plain = replace(BASE, never={}, never_label={}, visible_by={})
    [*_, last] = text({"resources.document": entry(plain)}).splitlines()
    assert last.split()[0] == "status"


def test_table_has_no_blanks_at_the_end_of_its_lines() -> None:
    assert [line for line in text(catalogue()).splitlines() if line != line.rstrip()] == []


def test_program_is_told_the_same() -> None:
    [row] = rows({"resources.document": entry(BASE)})
    assert row["model"] == "resources.document"
    assert row["audiences"][0] == {
        "audience": "editor",
        "permission": "change_document",
        "holders": ["owner"],
        "roles": [],
        "by_grant": True,
        "deletes": True,
        "grants": True,
        "fields": ["id", "title", "status", "budget", "due_on", "owner_name"],
        "writes": ["title"],
    }
    [title] = [field for field in row["fields"] if field["field"] == "title"]
    assert title == {
        "field": "title",
        "type": "text up to 200",
        "source": "column title",
        "nullable": False,
        "sensitivity": "internal",
        "readers": ["editor", "viewer"],
        "writers": ["editor"],
    }
    assert (row["never"], row["never_label"]) == ({"budget": ["viewer"]}, {"secret": ["viewer"]})
    assert row["visible_by"] == {"status": "'published'"}


def test_command_shows_all_models_or_one() -> None:
    assert review() == text(catalogue()) + "\n"
    assert json.loads(review("--format", "json")) == rows(catalogue())
    [row] = json.loads(review("--format", "json", "--model", "resources.profile"))
    assert row["model"] == "resources.profile"


def test_unknown_model_is_one_line_that_names_those_there_are() -> None:
    with pytest.raises(CommandError, match=r"say one of: .*resources\.document") as refused:
        review("--model", "resources.documents")
    assert refused.value.returncode == 2


def test_help_has_an_example(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        call_command("review", "--help")
    assert "manage.py review --model resources.document" in capsys.readouterr().out

"""Each wrong declaration of rows of the project's own is told, with what to write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import models

from permissions.audiences import registry
from permissions.review.catalogue import catalogue
from permissions.row_checks import check_rows
from permissions.sources import AsGuardian, Rows
from tests.listed.place import (
    Note,
    Task,
    installed,
    listed,
    of,
)
from tests.test_readme import blocks, section

__all__ = ["installed", "listed"]

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).parents[2] / "docs" / "adopting.md"


def wrong(*, of_note: bool = False, **values: Any) -> str:
    """What is said of rows of access, or passes, that are declared like this."""
    right: dict[str, Any] = {"model": "listed.Access", "user": "person", "object": "task"}
    if of_note:
        right = {"model": "listed.Pass", "user": "person", "object": ("kind", "key")}
    rows = Rows(**{**right, "gives": "looker", **values})
    resource = replace(of(Note if of_note else Task), sources=(AsGuardian(), rows))
    found = list(check_rows(resource))
    assert all(each.id == "earshot.E077" and each.hint for each in found)
    return "; ".join(str(each.msg).partition("cannot be read: ")[2][:-1] for each in found)


class Dated(models.Model):
    """Its key is none."""

    at = models.DateTimeField(primary_key=True)
    task = models.ForeignKey(Task, models.CASCADE, related_name="+")
    person = models.ForeignKey("earshot_tenants.User", models.CASCADE, related_name="+")

    class Meta:
        app_label = "tests"


@pytest.mark.usefixtures("installed")
def test_right_rows_are_right() -> None:
    assert wrong() == wrong(of_note=True) == ""
    assert wrong(level="level", gives={1: "looker", 2: "keeper"}) == ""
    assert not [*check_rows(of(Task)), *check_rows(of(Note))]


@pytest.mark.each_case
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": "listed.Acces"}, "there is no model 'listed.Acces'"),
        ({"model": "Access"}, "there is no model 'Access'"),
        ({"user": "persn"}, "listed.Access has no column 'persn'"),
        ({"object": "tsk"}, "listed.Access has no column 'tsk'"),
        ({"level": "lvel", "gives": {1: "looker"}}, "listed.Access has no column 'lvel'"),
        ({"of": "projct"}, "listed.Task has no column 'projct'"),
        ({"object": "person"}, "'person' is no foreign key to the primary key of listed.Task"),
        ({"object": "level"}, "'level' is no foreign key to the primary key of listed.Task"),
        ({"of": "project"}, "'task' and the object's 'project' lead to no common primary key"),
        ({"of": "title"}, "'task' and the object's 'title' lead to no common primary key"),
        ({"user": "task"}, "'task' is no foreign key to the primary key of users"),
        ({"user": "level"}, "'level' is no foreign key to the primary key of users"),
        ({"members": "people"}, "'person' leads to no team whose 'people' are users"),
        ({"user": "level", "members": "x"}, "'level' leads to no team whose 'x' are users"),
        (
            {"model": "listed.Part", "object": "project", "of": "project", "members": "groups"},
            "`members` cannot go with `of`; 'person' leads to no team whose 'groups' are users",
        ),
        ({"level": "level"}, "`level` and `gives` do not fit"),
        ({"gives": {1: "looker"}}, "`level` and `gives` do not fit"),
        ({"gives": "loker"}, "it gives the unknown audience 'loker'"),
        ({"level": "level", "gives": {"1": "looker"}}, "'level' cannot be '1'"),
        ({"level": "level", "gives": {"x": "looker"}}, "'level' cannot be 'x'"),
        ({"level": "level", "gives": {1.5: "looker"}}, "'level' cannot be 1.5"),
        ({"level": "level", "gives": {None: "looker"}}, "'level' cannot be None"),
        (
            {"model": "listed.Part", "object": "project", "of": "project", "level": "role",
             "gives": {"50%": "looker"}},
            "'role' cannot be '50%'",
        ),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_read_are_told(values: dict[str, Any], said: str) -> None:
    assert wrong(**values) == said


@pytest.mark.each_case
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"object": ("person", "key")}, "'person' is no foreign key to content types"),
        ({"object": ("kind", "id")}, "'id' cannot have keys of listed.note"),
        ({"of": "tenant"}, "`of` cannot go with a content type"),
    ],
)
def test_passes_that_cannot_be_read_are_told(values: dict[str, Any], said: str) -> None:
    assert wrong(of_note=True, **values) == said


@pytest.mark.usefixtures("installed")
def test_rows_with_keys_of_another_kind_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("permissions.rows.apps.get_model", lambda label: Dated)
    assert wrong() == "their own keys are neither integers, UUIDs nor texts"
    assert "'at' cannot have keys" in wrong(object=("task", "at"))


@pytest.mark.usefixtures("installed")
def test_check_of_the_capture_tells_nothing_of_rows_that_cannot_be_read() -> None:
    right = of(Task)
    rows = Rows("listed.Acces", user="person", object="task", gives="looker")
    registry.register(replace(right, sources=(AsGuardian(), rows)))
    try:
        found = {message.id for message in run_checks(databases=["default"])}
    finally:
        registry.register(right)
    assert "earshot.E077" in found
    assert "earshot.W022" not in found


@pytest.mark.usefixtures("installed")
def test_review_names_who_holds_an_audience_by_rows() -> None:
    held = catalogue([of(Task)])["listed.task"].holders
    assert held["person of listed.Access, level 9"] == "keeper"
    assert catalogue([of(Note)])["listed.note"].holders["person of listed.Pass"] == "looker"


@pytest.mark.usefixtures("installed")
def test_page_shows_rows_that_can_be_read() -> None:
    """Its names are those of another project."""
    [block] = blocks(section("Permissions in tables of your own", PAGE), "python")
    block = block.replace("earshot.", "").replace("account", "person")
    for theirs, ours in NAMES.items():
        block = block.replace(theirs, ours)
    names: dict[str, Any] = {}
    exec(block, names)
    guardians, access, passes, share, part = names["SOURCES"]
    assert guardians == AsGuardian()
    for model, sources in ((Task, (access, part)), (Note, (passes, share))):
        assert [*check_rows(replace(of(model), sources=sources))] == []


NAMES = {
    '"edit"': "9",
    '"read"': "1",
    "owner": "keeper",
    "watcher": "looker",
    '("content_type", "object_id")': '("kind", "key")',
    "work.Participation": "listed.Part",
    "work.": "listed.",
    '"team", members="people", object="ticket"': '"team", members="people", object="note"',
    '"ticket"': '"task"',
}

"""What runs on both databases is found by what a test asks; lists name what is there."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest
from django.db import connection

from tests.databases import only_on
from tests.served import ONCE, POSTGRESQL, TESTS, WHOLE, WITH_A_BROKER, mark

PATHS = [path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")]
NAME = "test_that_is_collected"
CASES = pytest.mark.parametrize("case", range(100))
ELSEWHERE = only_on(connection.vendor, "What counts is why the other one skips it.")


@pytest.mark.parametrize("start", [*ONCE, *POSTGRESQL, *WHOLE, *WITH_A_BROKER])
def test_list_names_what_is_there(start: str) -> None:
    assert [path for path in PATHS if path.startswith(start)] != []


def marked(request: pytest.FixtureRequest, test: Any) -> list[set[str]]:
    """What each case of the test is marked as."""
    request.getfixturevalue("monkeypatch").setattr(request.module, NAME, test, raising=False)
    node: Any = request.node
    items = list(node.parent._genfunctions(NAME, test))
    mark(items)
    ours = {"served", "repeats", "rare", "programs"}
    return [ours & {each.name for each in item.own_markers} for item in items]


def asking() -> Any:
    def test(db: None, case: int) -> None: ...

    return CASES(test)


def repeated(found: list[set[str]]) -> list[bool]:
    """Which cases are other ones."""
    return ["repeats" in marks for marks in found]


FIRST_ALONE = [False] + [True] * 99


def asking_nothing() -> Any:
    def test(case: int) -> None: ...

    return CASES(test)


def test_first_case_of_what_asks_the_database_is_served(request: pytest.FixtureRequest) -> None:
    found = marked(request, asking())
    assert all("served" in marks for marks in found)
    assert repeated(found) == FIRST_ALONE


def test_other_cases_but_for_some_are_rare(request: pytest.FixtureRequest) -> None:
    rare = ["rare" in marks for marks in marked(request, asking())]
    assert not rare[0]
    assert 80 <= sum(rare) < 99


def test_each_case_is_served_where_they_differ(request: pytest.FixtureRequest) -> None:
    assert marked(request, pytest.mark.each_case(asking())) == [{"served"}] * 100


def test_what_runs_on_one_database_only_is_served_whole(request: pytest.FixtureRequest) -> None:
    assert marked(request, ELSEWHERE(asking_nothing())) == [{"served"}] * 100


def test_what_lacks_a_program_here_is_not_served_for_it(request: pytest.FixtureRequest) -> None:
    # The mark is what is looked at; its condition is false, so it skips nothing.
    lacking = pytest.mark.skipif(False, reason="A browser comes in no wheel.")
    found = marked(request, lacking(asking_nothing()))
    assert not any("served" in marks for marks in found)


def test_what_starts_a_server_is_marked_whatever_it_is_called(
    request: pytest.FixtureRequest,
) -> None:
    def test(start_server: Any) -> None: ...

    assert "programs" in marked(request, test)[0]


def test_what_asks_nothing_is_not_served(request: pytest.FixtureRequest) -> None:
    found = marked(request, asking_nothing())
    assert not any("served" in marks for marks in found)
    assert repeated(found) == FIRST_ALONE
    assert not any("rare" in marks for marks in found)


def test_makefile_names_tests_that_are_there_and_each_target_once() -> None:
    """A file that is to be left out and is no more would be no error, nor is a target's second."""
    root = TESTS.parent
    alone = {
        name: value for name, value in os.environ.items() if "MAKE" not in name and name != "MFLAGS"
    }
    made = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "test", "both", "nightly"],
        cwd=root, env=alone, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert made.stderr == ""
    named = re.findall(r"(?<=\s)(tests/[\w/.]+)", made.stdout)
    assert "tests/permissions" in named
    assert [path for path in named if not (root / path).exists()] == []

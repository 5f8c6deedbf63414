"""The evidence names what there is, and says of nothing that it ran which did not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from permissions.review.evidence import EVIDENCE, Result, Row, is_shown, results, rows, text
from tests.mutants import MUTANTS

ROOT = Path(__file__).parents[3]
TABLE = rows(ROOT)
ROW = Row("A", "B.", ("m.py",), ("t.py::test_a",), ("rule",))
SUITE = """<testsuites><testsuite timestamp="2030-01-31T10:00:00">
<testcase classname="tests.test_x" name="test_a[1]"/>
<testcase classname="tests.test_x" name="test_a[2]">{}</testcase>
<testcase classname="tests.test_x" name="test_b"><skipped/></testcase>
</testsuite></testsuites>"""


def test_modules_and_mutants_of_the_table_are_there() -> None:
    assert [p for row in TABLE for p in row.modules if not (ROOT / p).is_file()] == []
    rules = {mutant.rule: mutant.test for mutant in MUTANTS}
    for row in TABLE:
        for rule in row.mutants:
            assert rules[rule] in row.tests, row.name


@pytest.mark.programs
def test_tests_of_the_table_are_collected() -> None:
    named = sorted({test for row in TABLE for test in row.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *named], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_page_is_made_of_the_table_and_of_what_was_written_beside_it() -> None:
    told = json.loads((ROOT / "docs" / "evidence.json").read_text())
    kept = [(r["name"], r["claim"], r["modules"], r["tests"], r["mutants"]) for r in told]
    assert kept == [(r.name, r.claim, [*r.modules], [*r.tests], [*r.mutants]) for r in TABLE]
    assert (ROOT / "docs" / "evidence.md").read_text() == text(told)


@pytest.mark.parametrize(("inside", "outcome"), [("", "passed"), ("<failure/>", "failed")])
def test_results_are_those_of_the_runs(tmp_path: Path, inside: str, outcome: str) -> None:
    (tmp_path / "a.xml").write_text(SUITE.format(inside))
    (tmp_path / "b.xml").write_text(SUITE.format(""))
    (tmp_path / "mutants.json").write_text(
        '{"rule": {"noticed": true, "at": "2030-01-31"}, "other": {"noticed": false, "at": "x"}}'
    )
    assert results(tmp_path) == {
        "tests/test_x.py::test_a": Result(outcome, "2030-01-31"),
        "rule": Result("killed", "2030-01-31"),
        "other": Result("survived", "x"),
    }
    assert results(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("test", "rule", "shown"),
    [("passed", "killed", True), ("passed", "survived", False), ("failed", "killed", False)],
)
def test_row_is_shown_by_tests_that_passed_and_a_mutant_that_was_killed(
    test: str, rule: str, shown: bool
) -> None:
    found = {"t.py::test_a": Result(test, ""), "rule": Result(rule, "")}
    assert is_shown(ROW, found) is shown
    assert not is_shown(ROW, {})


def test_command_writes_both_and_names_what_is_not_shown(
    settings: Settings, tmp_path: Path
) -> None:
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match=r"There is no docs/evidence\.toml") as refused:
        call_command("review", EVIDENCE.name, stdout=StringIO())
    assert refused.value.returncode == 2
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "evidence.toml", tmp_path / "docs")
    out = StringIO()
    call_command("review", EVIDENCE.name, stdout=out)
    assert f"not shown  {TABLE[0].name}\n" in out.getvalue()
    assert f"0 of {len(TABLE)} are shown." in out.getvalue()
    told = json.loads((tmp_path / "docs" / "evidence.json").read_text())
    assert {*told[0]["results"].values()} == {"not run"}
    assert "**Not shown.**" in (tmp_path / "docs" / "evidence.md").read_text()


def test_command_finds_what_the_runs_left(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    (tmp_path / "var" / "results").mkdir(parents=True)
    (tmp_path / "docs" / "evidence.toml").write_text(
        '[[row]]\nname = "A"\nclaim = "B."\nmutants = ["rule"]\n'
        'tests = ["tests/test_x.py::test_a"]\n'
    )
    (tmp_path / "var" / "results" / "all.xml").write_text(SUITE.format(""))
    (tmp_path / "var" / "results" / "mutants.json").write_text(
        '{"rule": {"noticed": true, "at": "2030-01-31"}}'
    )
    out = StringIO()
    call_command("review", EVIDENCE.name, stdout=out)
    assert out.getvalue() == "1 of 1 are shown. See docs/evidence.md.\n"
    page = (tmp_path / "docs" / "evidence.md").read_text()
    assert "B. **Shown.**" in page
    assert "- `tests/test_x.py::test_a`: passed, 2030-01-31\n- Without it: rule: killed, " in page

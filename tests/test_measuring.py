"""What is not measured is reached by others, and all else is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

from tests import measuring
from tests.conftest import tracing
from tests.measuring import recorded, spared, took

RESULTS = """<testsuites><testsuite>
<testcase classname="tests.a.test_b" name="test_c[1]" time="0.25" />
<testcase classname="tests.a.test_b" name="test_c[2]" time="0.5" />
<testcase classname="tests.a.test_b.TestClass" name="runTest" time="1" />
</testsuite></testsuites>"""


def test_list_names_functions_that_are_there() -> None:
    for name in measuring.LIST.read_text().split():
        file, _, rest = name.partition("::")
        text = (measuring.LIST.parents[1] / file).read_text()
        first = rest.partition("::")[0]
        assert f"def {first}(" in text or first in text, name


def test_dear_function_is_spared_where_enough_others_reach_the_same() -> None:
    line, branch = ("a.py", 1, 2), ("a.py", 2, 4)
    reached = {
        "dear": {line},
        "dearer": {line, branch},
        "cheap": {line},
        "other": {line, branch},
        "third": {line, branch},
    }
    seconds = {"dear": 1.0, "dearer": 2.0, "cheap": 0.0, "other": 0.01}
    assert spared(reached, seconds) == ["dear", "dearer"]
    assert spared({**reached, "third": {line}}, seconds) == ["dear"]
    assert spared({name: reached[name] for name in ("dear", "cheap")}, seconds) == []


def test_what_each_reached_is_what_nothing_between_tests_does(tmp_path: Path) -> None:
    data = CoverageData(str(tmp_path / "reached"))
    for context, arcs in (("", {(1, 2)}), ("a", {(1, 2), (2, 3)}), ("b", set())):
        data.set_context(context)
        data.add_arcs({"m.py": arcs})
    data.write()
    assert recorded(tmp_path / "reached") == {"a": {("m.py", 2, 3)}}


def test_seconds_are_those_of_all_cases(tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text(RESULTS)
    assert took([tmp_path / "results.xml"]) == {
        "tests/a/test_b.py::test_c": 0.75,
        "tests/a/test_b.py::TestClass::runTest": 1,
    }


@pytest.mark.parametrize("listed", [True, False])
def test_listed_function_is_not_measured_and_another_is(
    traced: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    name = "tests/test_measuring.py::test_listed_function_is_not_measured_and_another_is"
    monkeypatch.setattr(measuring, "UNMEASURED", {name} if listed else set())
    with measuring.measuring(request.node):
        assert (sys.gettrace() is None) == listed
    assert sys.gettrace() is tracing


REACHES = """
import pytest
from coverage import Coverage
from tests.measuring import measuring

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with measuring(item):
        return (yield)
"""


def test_what_each_reaches_is_recorded_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(REACHES)
    (tmp_path / "reached.py").write_text("def one():\n    return 1\n")
    (tmp_path / "test_it.py").write_text(
        "from reached import one\n\n@__import__('pytest').mark.parametrize('case', [1, 2])\n"
        "def test_one(case):\n    assert one() == 1\n"
    )
    (tmp_path / ".coveragerc").write_text("[run]\nbranch = true\nsource = .\n")
    command = ("-m", "coverage", "run", "-m", "pytest", "-q", "-c", "/dev/null", ".")
    root = str(measuring.LIST.parents[1])
    subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={"PYTHONPATH": root, "REACHING": "1"},
    )
    reached = recorded(tmp_path / ".coverage")["test_it.py::test_one"]
    assert {Path(file).name for file, *_ in reached} >= {"reached.py"}

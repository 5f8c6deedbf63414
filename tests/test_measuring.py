"""What is not measured is reached by others, and all else is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

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


class Config:
    def __init__(self, processes: int | None) -> None:
        self.processes = processes

    def getoption(self, name: str, default: None) -> int | None:
        return self.processes


@pytest.mark.parametrize("processes", [None, 2])
def test_process_that_has_others_run_the_tests_is_not_measured(
    traced: None, processes: int | None
) -> None:
    config: Any = Config(processes)
    measuring.pytest_configure(config)
    assert (sys.gettrace() is None) == (processes == 2)


def fixture_of(scope: str, request: pytest.FixtureRequest) -> pytest.FixtureDef[Any]:
    names = {"function": "traced", "module": "of_several"}
    return request._get_active_fixturedef(names[scope])


@pytest.fixture(scope="module")
def of_several() -> None:
    """Nothing: what is made for all tests of a file."""


@pytest.mark.parametrize("listed", [True, False])
def test_listed_function_is_not_measured_and_another_is(
    traced: None, of_several: None, request: pytest.FixtureRequest, listed: bool
) -> None:
    names = {measuring.function(request.node)} if listed else set()
    with pytest.MonkeyPatch.context() as patch:  # not in the end of this test
        patch.setattr(measuring, "UNMEASURED", names)
        part = measuring.part_of(request.node)
    with part:
        assert (sys.gettrace() is None) == listed
        with measuring.part_of_several(fixture_of("function", request)):
            assert (sys.gettrace() is None) == listed
        with measuring.part_of_several(fixture_of("module", request)):
            assert sys.gettrace() is tracing
        assert (sys.gettrace() is None) == listed
    assert sys.gettrace() is tracing


def test_nothing_of_this_file_measures_what_follows() -> None:
    """All tests after it would take twice as long."""
    assert sys.gettrace() is not tracing


REACHES = """
import pytest
from tests import measuring

def pytest_configure(config):
    config.pluginmanager.register(measuring)

@pytest.fixture(scope="module")
def shared():
    from reached import two
    yield two()

@pytest.fixture
def alone(shared):
    from reached import three
    yield three()
"""
REACHED = """
def one():
    return 1

def two():
    return 2

def three():
    return 3
"""
TRIES = """
import pytest
from reached import one

@pytest.mark.parametrize("case", [1, 2])
def test_one(alone, case):
    assert one() == 1
"""


def test_what_each_reaches_is_recorded_by_its_name(tmp_path: Path) -> None:
    for file, text in (("conftest", REACHES), ("reached", REACHED), ("test_it", TRIES)):
        (tmp_path / f"{file}.py").write_text(text)
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
    lines = {line for file, *arc in reached if file.endswith("reached.py") for line in arc}
    assert lines >= {REACHED.splitlines().index(f"    return {n}") + 1 for n in (1, 3)}
    assert REACHED.splitlines().index("    return 2") + 1 not in lines

"""What is not measured is reached by others, and all else is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from coverage import CoverageData

from tests import measuring
from tests.measuring import asked, recorded, spared, surely, took
from tests.traced import traced, tracing

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


def test_dear_function_is_spared_where_others_reach_the_same() -> None:
    line, branch = ("a.py", 1, 2), ("a.py", 2, 4)
    reached = {"dear": {line}, "dearer": {line, branch}, "cheap": {line}, "other": {line, branch}}
    seconds = {"dear": 1.0, "dearer": 2.0, "cheap": 0.0, "other": 0.01}
    assert spared(reached, seconds) == ["dear", "dearer"]
    assert spared({**reached, "other": {line}}, seconds) == ["dear"]
    assert spared({name: reached[name] for name in ("dear", "dearer")}, seconds) == ["dear"]
    assert spared({"dear": {line}}, {"dear": 1.0, "reaching nothing": 1.0}) == ["reaching nothing"]


def test_what_is_reached_by_chance_counts_for_nothing() -> None:
    line, branch = ("a.py", 1, 2), ("a.py", 2, 4)
    once, again = {"a": {line, branch}, "b": {line}}, {"a": {line}}
    assert surely([once, again]) == {"a": {line}, "b": set()}
    assert surely([once]) == once


def test_where_tasks_meet_two_others_reach_the_same() -> None:
    line = ("/somewhere/realtime/hub/a.py", 1, 2)
    reached = {name: {line} for name in ("dear", "other", "third")}
    assert spared(reached, {"dear": 1.0, "other": 0.5}) == ["dear"]
    assert spared({name: {line} for name in ("dear", "other")}, {"dear": 1.0}) == []


def test_what_is_between_tests_is_reached_by_none(tmp_path: Path) -> None:
    data = CoverageData(str(tmp_path / "reached"))
    for context, arcs in (("", {(1, 2)}), ("a", {(1, 2), (2, 3)}), ("b", set())):
        data.set_context(context)
        data.add_arcs({"m.py": arcs})
    data.write()
    lines = {("m.py", line, line) for line in (1, 2, 3)}
    assert recorded(tmp_path / "reached") == {"a": {("m.py", 1, 2), ("m.py", 2, 3), *lines}}


def test_what_must_be_covered_are_lines_and_branches(tmp_path: Path) -> None:
    file = {"executed_lines": [1, 2], "executed_branches": [[1, 2], [1, -1]]}
    (tmp_path / "report.json").write_text(json.dumps({"files": {"m.py": file}}))
    path = str(Path("m.py").resolve())
    wanted = {(path, 1, 1), (path, 2, 2), (path, 1, 2), (path, 1, -1)}
    assert asked(tmp_path / "report.json") == wanted


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
def test_process_that_has_others_run_the_tests_is_not_measured(processes: int | None) -> None:
    config: Any = Config(processes)
    with traced():
        measuring.pytest_configure(config)
        assert (sys.gettrace() is None) == (processes == 2)


@pytest.mark.parametrize("listed", [True, False])
def test_listed_function_is_not_measured_and_another_is(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    names = {measuring.function(request.node)} if listed else set()
    monkeypatch.setattr(measuring, "UNMEASURED", names)
    with traced():
        with measuring.measuring(request.node):
            assert (sys.gettrace() is None) == listed
        assert sys.gettrace() is tracing


def test_what_several_tests_need_is_measured_within_what_is_not() -> None:
    assert measuring._traces == []
    with traced():
        for _ in range(2):
            with measuring.measured():
                assert sys.gettrace() is tracing
            with measuring.unmeasured(), measuring.unmeasured():
                assert sys.gettrace() is None
                with measuring.measured():
                    assert sys.gettrace() is tracing
                assert sys.gettrace() is None


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
    lines = {line for path, *arc in reached if path.endswith("reached.py") for line in arc}
    returns = {n: REACHED.splitlines().index(f"    return {n}") + 1 for n in (1, 2, 3)}
    assert returns[1] in lines
    assert not {returns[2], returns[3]} & lines
    data = CoverageData(str(tmp_path / ".coverage"))
    data.read()
    measured = data.lines(str(tmp_path / "reached.py"))
    assert measured is not None
    assert returns[2] in measured
    assert returns[3] not in measured

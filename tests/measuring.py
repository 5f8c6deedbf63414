"""Which tests are measured: half of the time of a measured one goes into measuring.

Of those that `tests/unmeasured.txt` names nothing is measured but the threads beside them: whatever
line or branch they reach, measured ones reach too, and not by chance. A new test is measured.
Where a change leaves a line without a measured test, `make unmeasured` writes the list anew. What
is made for a test, and what ends with it, is not measured: that a line runs there says nothing of
what it does.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from asgiref.sync import SyncToAsync
from coverage import Coverage

LIST: Final = Path(__file__).with_name("unmeasured.txt")
UNMEASURED: Final = frozenset() if "REACHING" in os.environ else frozenset(LIST.read_text().split())
"""Functions of tests, with all their cases; none while what each reaches is recorded."""

DEAR: Final = 0.02
"""Seconds, beside other work, that make a function with all its cases worth a line of the list."""

BY_CHANCE: Final = re.compile("/realtime/(audit|client|hub|publishing|transport)/")
"""Rooms where tasks and threads meet: a test may reach a line there at one time, and not at
another. So two measured tests reach each of theirs."""

Arc = tuple[str, int, int]
"""A branch of a file, from a line to a line; or a line, which leads to itself."""


def function(item: pytest.Item) -> str:
    """The test's function, without its case."""
    return item.nodeid.partition("[")[0]


@contextmanager
def unmeasured() -> Iterator[None]:
    """Within the block nothing is measured of this thread."""
    _traces.append(sys.gettrace())
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(_traces.pop())


@contextmanager
def measured() -> Iterator[None]:
    """Within the block this thread is measured, though what is around it is not: as in a fixture
    that begins what is tried."""
    trace = sys.gettrace()
    sys.settrace(_traces[0] if _traces else trace)
    try:
        yield
    finally:
        sys.settrace(trace)


@contextmanager
def paused() -> Iterator[None]:
    """Within the block nothing is measured of this thread, and of that where Django's calls run."""
    theirs = SyncToAsync.single_thread_executor
    trace = theirs.submit(sys.gettrace).result()
    theirs.submit(sys.settrace, None).result()
    try:
        with unmeasured():
            yield
    finally:
        theirs.submit(sys.settrace, trace).result()


@contextmanager
def measuring(item: pytest.Item) -> Iterator[None]:
    """Measure the test, or not, or, with `REACHING`, record what its function reaches."""
    if function(item) in UNMEASURED:
        with paused():
            yield
    elif "REACHING" in os.environ and (coverage := Coverage.current()):
        coverage.switch_context(function(item))
        yield
        coverage.switch_context("")
    else:
        yield


_traces: Final[list[Any]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Measure no process that has others run the tests: it waits, and hears of thousands."""
    if config.getoption("numprocesses", None):
        sys.settrace(None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Iterator[None]:
    """What a test needs is measured where it is tried."""
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    """What several tests need may do what no test does, as migrations."""
    with nullcontext() if fixturedef.scope == "function" else measured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The test itself is measured, or not."""
    with measuring(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """What ends with the test is no part of it."""
    with unmeasured():
        return (yield)


def spared(reached: Mapping[str, Set[Arc]], seconds: Mapping[str, float]) -> list[str]:
    """Return the dear functions that reach nothing but what others do, in order of names."""
    left = Counter(arc for arcs in reached.values() for arc in arcs)
    others = {arc: 2 if BY_CHANCE.search(arc[0]) else 1 for arc in left}
    found = []
    for name in sorted(seconds, key=lambda name: -seconds[name]):
        arcs = reached.get(name, frozenset())
        if seconds[name] >= DEAR and all(left[arc] > others[arc] for arc in arcs):
            left.subtract(arcs)
            found.append(name)
    return sorted(found)


REACHED: Final = """
    SELECT context.context, file.path, arc.fromno, arc.tono FROM arc
    JOIN context ON context.id = arc.context_id JOIN file ON file.id = arc.file_id
"""
"""Of coverage's file, whose schema its documentation fixes; asked one by one it takes minutes."""


def recorded(file: Path) -> dict[str, set[Arc]]:
    """Return the lines and branches that each function reached."""
    reached: defaultdict[str, set[Arc]] = defaultdict(set)
    with closing(sqlite3.connect(file)) as data:
        for context, path, first, then in data.execute(REACHED):
            reached[context] |= {(path, first, then), (path, first, first), (path, then, then)}
    reached.pop("", None)  # an import, a shared fixture, or a thread between tests
    return dict(reached)


def asked(report: Path) -> set[Arc]:
    """Return the lines and branches that must be covered, as coverage's JSON tells them."""
    files = json.loads(report.read_text())["files"]
    found: set[Arc] = set()
    for name, file in files.items():
        path = str(Path(name).resolve())
        found.update((path, line, line) for line in file["executed_lines"])
        found.update((path, *branch) for branch in file["executed_branches"])
    return found


def surely(records: Sequence[Mapping[str, set[Arc]]]) -> dict[str, set[Arc]]:
    """Return what each function reached each time."""
    first, *others = records
    return {
        name: arcs.intersection(*(other.get(name, frozenset()) for other in others))
        for name, arcs in first.items()
    }


def took(results: Sequence[Path]) -> dict[str, float]:
    """Return the seconds of each function with all its cases, as files of pytest's XML say them."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for case in (case for file in results for case in ET.parse(file).iter("testcase")):
        name = case.attrib["name"].partition("[")[0]
        seconds[f"{_place(case.attrib['classname'])}::{name}"] += float(case.attrib["time"])
    return dict(seconds)


def _place(dotted: str) -> str:
    """Return a file, and the class in it, as pytest names them."""
    parts = dotted.split(".")
    classes = [part for part in parts if part[:1].isupper()]
    return "::".join(["/".join(parts[: len(parts) - len(classes)]) + ".py", *classes])


if __name__ == "__main__":
    report, *files = [Path(name) for name in sys.argv[1:]]
    seconds = took([file for file in files if file.suffix == ".xml"])
    reached = surely([recorded(file) for file in files if file.suffix != ".xml"])
    wanted = asked(report)
    found = spared({name: arcs & wanted for name, arcs in reached.items()}, seconds)
    LIST.write_text("".join(f"{name}\n" for name in found))

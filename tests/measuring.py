"""Which tests are measured: half of the time of a measured one goes into measuring.

Of those that `tests/unmeasured.txt` names nothing is measured but the threads beside them and the
fixtures that they share: whatever line or branch they reach, several others reach too. Of a new
test all is measured. Where a change leaves a line without a measured test, `make unmeasured` writes
the list anew.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from asgiref.sync import SyncToAsync
from coverage import Coverage

LIST: Final = Path(__file__).with_name("unmeasured.txt")
UNMEASURED: Final = frozenset() if "REACHING" in os.environ else frozenset(LIST.read_text().split())
"""Functions of tests, with all their cases; none while what each reaches is recorded."""

DEAR: Final = 0.1
"""Seconds, beside other work, that make a function with all its cases worth a line of the list."""

OTHERS: Final = 2
"""How many measured tests must still reach a line: it may be by chance that one does."""

Arc = tuple[str, int, int]


def function(item: pytest.Item) -> str:
    """The test's function, without its case."""
    return item.nodeid.partition("[")[0]


def measured_by(*traces: Any) -> tuple[Any, Any]:
    """Have these measure this thread and the one where Django's calls run; return what did."""
    theirs = SyncToAsync.single_thread_executor
    before = sys.gettrace(), theirs.submit(sys.gettrace).result()
    sys.settrace(traces[0])
    theirs.submit(sys.settrace, traces[1]).result()
    return before


@contextmanager
def paused() -> Iterator[None]:
    """Within the block nothing is measured of this thread, and of that where Django's calls run."""
    _paused.append(measured_by(None, None))
    try:
        yield
    finally:
        measured_by(*_paused.pop())


@contextmanager
def resumed() -> Iterator[None]:
    """Within the block, what is paused is not."""
    before = measured_by(*_paused[-1])
    try:
        yield
    finally:
        measured_by(*before)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Within the block nothing is measured of this thread: what is done for every test."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


@contextmanager
def recording(name: str) -> Iterator[None]:
    """With `REACHING`, record what the block reaches by this name."""
    coverage = Coverage.current() if "REACHING" in os.environ else None
    if coverage is None:
        yield
        return
    _recording.append(name)
    coverage.switch_context(name)
    try:
        yield
    finally:
        _recording.pop()
        coverage.switch_context(_recording[-1])


_paused: Final[list[tuple[Any, Any]]] = []
_recording: Final = [""]


def part_of(item: pytest.Item) -> AbstractContextManager[None]:
    """Measure a part of a test, or not, or record what its function reaches."""
    return paused() if function(item) in UNMEASURED else recording(function(item))


def part_of_several(fixture: pytest.FixtureDef[Any]) -> AbstractContextManager[None]:
    """Measure a fixture of several tests, whichever of them comes first."""
    if fixture.scope == "function":
        return nullcontext()
    return resumed() if _paused else recording("")


def pytest_configure(config: pytest.Config) -> None:
    """Measure no process that has others run the tests: it waits, and hears of thousands."""
    if config.getoption("numprocesses", None):
        sys.settrace(None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """What is made for the test alone is part of it."""
    with part_of(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    """What is made for several tests is no part of the first one."""
    with part_of_several(fixturedef):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The test itself."""
    with part_of(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """What puts an end to what the test made."""
    with part_of(item):
        return (yield)


def spared(reached: Mapping[str, Set[Arc]], seconds: Mapping[str, float]) -> list[str]:
    """Return the dear functions that reach nothing but what enough others do, in order of names."""
    left = Counter(arc for arcs in reached.values() for arc in arcs)
    found = []
    for name in sorted(reached, key=lambda name: -seconds.get(name, 0)):
        if seconds.get(name, 0) >= DEAR and all(left[arc] > OTHERS for arc in reached[name]):
            left.subtract(reached[name])
            found.append(name)
    return sorted(found)


REACHED: Final = """
    SELECT context.context, file.path, arc.fromno, arc.tono FROM arc
    JOIN context ON context.id = arc.context_id JOIN file ON file.id = arc.file_id
"""
"""Of coverage's file, whose schema its documentation fixes; asked one by one it takes minutes."""


def recorded(file: Path) -> dict[str, set[Arc]]:
    """Return what each function reached that no shared fixture, import or thread between tests
    did."""
    reached: defaultdict[str, set[Arc]] = defaultdict(set)
    with closing(sqlite3.connect(file)) as data:
        for context, *arc in data.execute(REACHED):
            reached[context].add(tuple(arc))
    between = reached.pop("", set())
    return {name: arcs - between for name, arcs in reached.items()}


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
    seconds = took([Path(file) for file in sys.argv[1:]])
    found = spared(recorded(Path(".coverage")), seconds)
    LIST.write_text("".join(f"{name}\n" for name in found))

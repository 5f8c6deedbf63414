"""The map in docs/design.md is true: what is entered on each of the three ways is named there."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pytest_django import Settings

from realtime.hub.per_loop import hubs
from realtime.hub.rounds import Rounds
from realtime.publishing.publisher import publisher
from tests.client import in_thread, quiet, registered, subscribed
from tests.world import World

ROOT = Path(__file__).parent.parent
DESIGN = (ROOT / "docs" / "design.md").read_text()
ONE_MAP = DESIGN.split("\n## The three ways\n")[1].split("\n## ")[0]
NAMED = re.compile(r"`((?:tenants|permissions|realtime)/[\w/]+\.py)`")

pytestmark = pytest.mark.usefixtures("by_hand")


def named(title: str) -> set[str]:
    """The files that the map names under this heading."""
    return set(NAMED.findall(ONE_MAP.split(f"\n### {title}\n")[1].split("\n### ")[0]))


BESIDE = named("Beside them")
MOST = {"A change": 31, "A subscription": 31, "A loss or gain of access": 30}
"""How many files a way may enter: a file more is a file less elsewhere."""


class Trace:
    """Which files are entered while it is on, by the threads that have its hook."""

    def __init__(self) -> None:
        self._on = False
        self._paths: set[str] = set()

    def hook(self, frame: FrameType, event: str, _: object) -> None:
        if self._on and event == "call" and frame.f_code.co_name != "<module>":
            self._paths.add(frame.f_code.co_filename)

    def hooked(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, with the hook on its thread."""

        def run(*args: Any) -> Any:
            sys.setprofile(self.hook)
            try:
                return work(*args)
            finally:
                sys.setprofile(None)

        return run

    @contextmanager
    def on(self) -> Iterator[None]:
        """Note what is entered within, on the event loop too."""
        self._on = True
        sys.setprofile(self.hook)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._on = False

    @property
    def entered(self) -> set[str]:
        """The files of this project."""
        paths = {Path(path) for path in self._paths}
        return {str(p.relative_to(ROOT)) for p in paths if p.is_relative_to(ROOT)}

    def compare_with(self, title: str) -> None:
        """Assert that each file which the map names was entered, and no other of `realtime`; and
        that they are not too many to follow."""
        way = named(title)
        assert len(way) <= MOST[title]
        assert way - self.entered == set()
        realtime = {path for path in self.entered if path.startswith("realtime/")}
        assert realtime - way - BESIDE == set()


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Trace]:
    """A trace that will be on the hub's threads, which begin with the first socket.

    Nothing looks by the clock for sockets that take nothing.
    """
    settings.EARSHOT = {**settings.EARSHOT, "stalled_seconds": 3600.0}
    trace = Trace()
    threading.setprofile(trace.hook)
    monkeypatch.setattr(publisher, "_announce", trace.hooked(publisher._announce))
    yield trace
    threading.setprofile(None)


def rounds_of(world: World) -> Rounds:
    """What this process does for the world's tenant; the last of it may come after the frame."""
    hub = hubs.current()
    assert hub is not None
    return hub.rounds[world.tenants["acme"].pk]


async def looked() -> None:
    """What was written before is announced, and the tail has looked: at first it asks everybody."""
    hub = hubs.current()
    assert hub is not None
    while hub.tail.marks is None:
        await hub.run(int)
    await quiet()


async def test_change_passes_the_files_that_the_map_names(world: World, trace: Trace) -> None:
    client = await in_thread(world.rest)("owner")
    await in_thread(client.get)(world.url)  # the first request loads the addresses
    async with subscribed(world, "viewer") as socket:
        rounds = rounds_of(world)
        await looked()
        with trace.on():
            await in_thread(trace.hooked(client.patch))(world.url, {"title": "New"})
            await socket.receive_until("UPDATE_DOCUMENT")
            await rounds.settled()
    trace.compare_with("A change")


async def test_subscription_passes_the_files_that_the_map_names(world: World, trace: Trace) -> None:
    async with registered(world, "viewer") as socket:
        rounds = rounds_of(world)
        await looked()
        with trace.on():
            assert (await socket.subscribe(world.id))["type"] == "SUBSCRIBED"
            await rounds.settled()
    trace.compare_with("A subscription")


async def test_loss_of_access_passes_the_files_that_the_map_names(
    world: World, trace: Trace
) -> None:
    async with subscribed(world, "viewer") as socket:
        rounds = rounds_of(world)
        await looked()
        with trace.on():
            await in_thread(trace.hooked(world.revoke))("viewer")
            await socket.receive_until("DELETE_DOCUMENT")
            await rounds.settled()
    trace.compare_with("A loss or gain of access")


def test_files_beside_the_ways_are_few_and_there() -> None:
    assert len(BESIDE) <= 16
    assert [path for path in BESIDE if not (ROOT / path).is_file()] == []


def test_every_file_that_the_design_names_is_there() -> None:
    paths = set(re.findall(r"`((?:\w+/)+\w+\.\w+)`", DESIGN))
    assert len(paths) > 80
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []

"""The committed world, whose announcements are sent before its tables are emptied."""

from collections.abc import Iterator

import pytest

from realtime.outbox import outbox
from tests.world import World


@pytest.fixture
def world(world: World) -> Iterator[World]:
    yield world
    assert outbox.flush()


@pytest.fixture
def place(db: None) -> World:
    """The world for tests that need neither commits nor snapshots."""
    return World()

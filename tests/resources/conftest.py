"""The committed world, whose announcements are sent before its tables are emptied."""

import pytest

from tests.world import World


@pytest.fixture
def place(db: None) -> World:
    """The world for tests that need neither commits nor snapshots."""
    return World()

"""What the server asks of the interpreter."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from project import runtime


@pytest.fixture
def restored() -> Iterator[None]:
    """The interpreter is afterwards as it was."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


def test_what_is_loaded_is_left_out_of_collections(restored: None) -> None:
    gc.unfreeze()
    runtime.tune()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == runtime.YOUNG_OBJECTS
    assert sys.getswitchinterval() == pytest.approx(runtime.SWITCH_SECONDS)

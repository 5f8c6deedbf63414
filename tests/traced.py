"""A thread that something measures: not what may measure the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def tracing(*_: Any) -> None:
    """What measures."""


@contextmanager
def traced() -> Iterator[None]:
    """Within the block, this thread is measured."""
    before = sys.gettrace()
    sys.settrace(tracing)
    try:
        yield
    finally:
        sys.settrace(before)

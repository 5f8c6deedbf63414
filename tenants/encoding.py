"""JSON as bytes that may be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Encode with orjson, and copy: orjson reserves room for the worst case, eight times the text's
    size or more, and does not give back what it did not use."""
    return bytes(memoryview(orjson.dumps(value, default=default)))

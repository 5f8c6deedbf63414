"""Earshot that looks at the subscriptions which an access change touches one by one."""

from __future__ import annotations

from typing import Any

from project.asgi import application
from realtime.hub.reading import Reads

__all__ = ["application"]

_in_batches = Reads.also


async def _also(self: Reads, *args: Any) -> Any:
    size, self._size = self._size, 1
    try:
        return await _in_batches(self, *args)
    finally:
        self._size = size


Reads.also = _also  # type: ignore[assignment, method-assign]

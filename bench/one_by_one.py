"""Earshot that looks at the subscriptions which an access change touches one by one."""

from __future__ import annotations

from typing import Any

from project.asgi import application
from realtime.hub.rounds import Rounds

__all__ = ["application"]

_in_batches = Rounds._read_also


async def _read_also(self: Rounds, *args: Any) -> Any:
    size, self._size = self._size, 1
    try:
        return await _in_batches(self, *args)
    finally:
        self._size = size


Rounds._read_also = _read_also  # type: ignore[assignment, method-assign]

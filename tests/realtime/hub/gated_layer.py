"""A channel layer whose answers a test holds back."""

from __future__ import annotations

import asyncio

from channels.layers import InMemoryChannelLayer
from redis.exceptions import ConnectionError as BrokerError


class GatedLayer(InMemoryChannelLayer):
    """The in-memory layer behind a gate; while it is down, it raises."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.called = asyncio.Event()
        self.down = False
        self.calls: list[str] = []

    async def group_add(self, group: str, channel: str) -> None:
        await self._pass("add")
        await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await self._pass("discard")
        await super().group_discard(group, channel)

    async def _pass(self, call: str) -> None:
        self.calls.append(call)
        self.called.set()
        await self.gate.wait()
        if self.down:
            raise BrokerError("Error 111 connecting")

    def close_gate(self) -> None:
        """From now on calls wait; `called` is set when one does."""
        self.gate.clear()
        self.called.clear()

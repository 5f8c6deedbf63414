"""Gates: they hold a read or a message until the test has made the race that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from realtime.hub.hub import Hub
from realtime.hub.per_loop import hubs
from realtime.hub.rounds import Rounds
from tests.client import quiet
from tests.world import World


def this_hub() -> Hub:
    """The hub of the running loop."""
    hub = hubs.current()
    assert hub is not None
    return hub


def rounds_of(world: World, tenant: str = "acme") -> Rounds:
    """The rounds of a tenant in this process."""
    return this_hub().rounds[world.tenants[tenant].pk]


class Gate:
    """Something is held at it from `entered` until `open`."""

    def __init__(self) -> None:
        self._entered = asyncio.Event()
        self._opened = asyncio.Event()

    async def pass_through(self) -> None:
        """Be held."""
        self._entered.set()
        await self._opened.wait()

    async def entered(self) -> None:
        """Wait until something is held."""
        async with asyncio.timeout(10):
            await self._entered.wait()

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()


class GatedReads:
    """Holds the next result of a function that rounds run: it has read, and has not told yet."""

    def __init__(self, rounds: Rounds) -> None:
        self._run = rounds._run
        self._gates: dict[Callable[..., Any], Gate] = {}
        rounds._run = self

    def hold(self, work: Callable[..., Any]) -> Gate:
        """Hold the next result of this function."""
        gate = self._gates[work] = Gate()
        return gate

    async def __call__(self, work: Callable[..., Any], *args: Any) -> Any:
        gate = self._gates.pop(work, None)
        result = await self._run(work, *args)
        if gate is not None:
            await gate.pass_through()
        return result


class HeldMessages:
    """Holds every frame and notice that reaches a hub, to be released in any order, or never."""

    def __init__(self, hub: Hub) -> None:
        self.held: list[Any] = []
        self._news = asyncio.Event()
        self._deliver = hub._deliver
        hub._deliver = self._hold  # type: ignore[method-assign]

    async def _hold(self, message: Any) -> None:
        if message["tenant"] < 0:  # the marker of quiet()
            await self._deliver(message)
        else:
            self.held.append(message)
            self._news.set()

    async def until(self, held: Callable[[], bool]) -> None:
        """Wait for what another process sends."""
        async with asyncio.timeout(10):
            while not held():
                self._news.clear()
                await self._news.wait()

    def moves(self) -> list[Any]:
        """The messages for windows that are held."""
        return [m for m in self.held if m["type"] == "hub.move"]

    def frames(self, audience: str) -> list[Any]:
        """The frames held for an audience, in the order in which they came."""
        return [m for m in self.held if m["type"] == "hub.frame" and m["audience"] == audience]

    def notices(self) -> list[Any]:
        """The notices held."""
        return [m for m in self.held if m["type"] == "hub.notice"]

    async def deliver(self, message: Any) -> None:
        """Deliver this one, and wait for nothing."""
        await self._deliver(message)

    async def release(self, *messages: Any) -> None:
        """Deliver these, in this order, and wait for what follows from them."""
        for message in messages:
            await self._deliver(message)
        await quiet()


class HeldJoins:
    """Holds a hub's joins of groups from now on."""

    def __init__(self, hub: Hub) -> None:
        self.gate = Gate()
        self._layer: Any = hub.groups._layer
        hub.groups._layer = self

    async def group_add(self, group: str, channel: str) -> None:
        """Wait at the gate, then join."""
        await self.gate.pass_through()
        await self._layer.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave at once."""
        await self._layer.group_discard(group, channel)


def later() -> float:
    """A time at which everything that is live has to be read again."""
    return asyncio.get_running_loop().time() + this_hub().limits["sweep_seconds"]

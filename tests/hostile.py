"""A hostile environment for one tenant's sockets: whatever can be late, lost, doubled or out of
order is held here until a test lets it go on. What nothing holds happens at once, so that what a
test does has one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from realtime.capture.committed import Committed
from realtime.hub.group_membership import GroupMemberships
from realtime.hub.hub import Hub
from realtime.publishing.publisher import Publisher
from tests.client import Marker


class Gates:
    """Holds tasks at kinds of places, each armed for the next one that comes by."""

    def __init__(self) -> None:
        self.armed: set[str] = set()
        self.held: dict[asyncio.Task[Any], asyncio.Event] = {}
        self._entered = asyncio.Event()

    async def pass_through(self, kind: str) -> None:
        """Be held here, if the gate is armed, until somebody opens it."""
        task = asyncio.current_task()
        if kind not in self.armed or task is None:
            return
        self.armed.discard(kind)
        self.held[task] = asyncio.Event()
        self._entered.set()
        try:
            await self.held[task].wait()
        finally:
            del self.held[task]

    def open(self) -> None:
        """Let all that is held go on."""
        for event in self.held.values():
            event.set()

    async def wait(self, tasks: set[asyncio.Task[None]]) -> None:
        """Wait until one of the tasks is done or another is held."""
        self._entered.clear()
        entered = asyncio.ensure_future(self._entered.wait())
        await asyncio.wait({*tasks, entered}, return_when=asyncio.FIRST_COMPLETED)
        entered.cancel()


class HostileReads:
    """A hub's reads: the result of one that is held is old when it comes."""

    def __init__(self, hub: Hub, gates: Gates) -> None:
        self._run, self._gates = hub.run, gates
        hub.run = self  # type: ignore[method-assign]

    async def __call__(self, work: Callable[..., Any], *args: Any) -> Any:
        result = await self._run(work, *args)
        await self._gates.pass_through(work.__name__)
        return result


class HostileGroups:
    """A channel layer whose joins may hang or fail."""

    def __init__(self, joins: GroupMemberships, gates: Gates) -> None:
        self.failing = False
        self._layer, self._gates = joins._layer, gates
        joins._layer = self

    async def group_add(self, group: str, channel: str) -> None:
        """Join, unless the broker is failing."""
        await self._gates.pass_through("group_add")
        if self.failing:
            self.failing = False
            raise OSError("no broker")
        await self._layer.group_add(group, channel)
        await self._gates.pass_through("group_added")

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave."""
        await self._gates.pass_through("group_discard")
        await self._layer.group_discard(group, channel)


class HostileMessages:
    """Frames and notices on their way to a hub: `held` are late, `past` were delivered."""

    def __init__(self, hub: Hub) -> None:
        self.holding = False
        self.held: list[Any] = []
        self.past: list[Any] = []
        self._deliver = hub._deliver
        hub._deliver = self._hold  # type: ignore[method-assign]

    async def _hold(self, message: Any) -> None:
        if message["tenant"] < 0:  # a marker
            await self._deliver(message)
        elif self.holding:
            self.held.append(message)
        else:
            await self.deliver([message])

    async def deliver(self, messages: Iterable[Any]) -> None:
        """Deliver these, in this order."""
        for message in messages:
            self.past.append(message)
            await self._deliver(message)


class HostilePublisher:
    """What committed, transaction by transaction: `held` waits for its process to go on, or for
    ever, if that died between commit and publish."""

    def __init__(self, publisher: Publisher) -> None:
        self.holding = False
        self.held: list[Committed] = []
        self._new: list[Committed] = []
        self._next: list[Committed] = []
        self._publisher, self._wake, self._own = publisher, publisher.wake, publisher.own
        publisher.wake = self._hold  # type: ignore[method-assign]
        publisher.own = self  # type: ignore[assignment]

    def restore(self) -> None:
        """Let the publisher be as it was."""
        self._publisher.own = self._own
        del self._publisher.wake

    def _hold(self) -> None:
        committed = self._own.read()
        if committed != Committed():
            self._new.append(committed)

    def read(self) -> Committed:
        """What the publisher finds when it is woken."""
        return self._next.pop(0)

    def flush(self) -> bool:
        """Announce what is not held; whether there was anything."""
        new, self._new = self._new, []
        if self.holding:
            self.held += new
            return False
        self.announce(new)
        return bool(new)

    def announce(self, committed: Iterable[Committed]) -> None:
        """Announce these, one by one, and wait until each is sent."""
        for one in committed:
            self._next.append(one)
            self._wake()
            assert self._publisher.flush()


class Environment:
    """A hub and all that can go wrong around it."""

    def __init__(self, hub: Hub, publisher: Publisher) -> None:
        self.hub = hub
        self.gates = Gates()
        self.messages = HostileMessages(hub)
        self.groups = HostileGroups(hub.groups, self.gates)
        self.publisher = HostilePublisher(publisher)
        HostileReads(hub, self.gates)

    @property
    def idle(self) -> bool:
        """Whether nothing is held anywhere."""
        return not (self.messages.held or self.publisher.held or self.gates.held)

    async def still(self) -> None:
        """Wait until all has happened that nothing holds."""
        while True:
            announced = await asyncio.to_thread(self.publisher.flush)
            await self._arrived()
            if working := self._working():
                while working:
                    await self.gates.wait(working)
                    working = self._working()
            elif not announced:
                return

    async def _arrived(self) -> None:
        """Wait until the hub has taken every message sent so far."""
        self.hub.rounds[-1] = marker = Marker()  # type: ignore[assignment]
        layer: Any = self.hub._layer
        notice = {"type": "hub.notice", "tenant": -1, "revision": 0}
        await layer.send(self.hub.groups.channel, notice)
        await marker.passed.wait()
        del self.hub.rounds[-1]

    def _working(self) -> set[asyncio.Task[None]]:
        rounds = (task for rounds in self.hub.rounds.values() for task in rounds.tasks())
        return {*self.hub.groups._tasks, *rounds} - self.gates.held.keys()

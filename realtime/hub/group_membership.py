"""Channel layer groups of a process: joined once each, by the hub's one channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from enum import Enum
from itertools import count

from realtime.failures import log_broken
from realtime.publishing.layer_messages import Groups
from realtime.state.frames import Frame
from realtime.state.subscriptions import Subscription

logger = logging.getLogger(__name__)


class Membership(Enum):
    """Where this process stands in a group."""

    JOINING = "joining"
    JOINED = "joined"
    LEAVING = "leaving"


class Group:
    """One audience of one object in this process: its subscriptions and its newest frame.

    `since` is the tick at which the group was joined: a read that began earlier may miss a frame.
    """

    __slots__ = (
        "failed", "last", "membership", "name", "on_joined", "pinned", "since", "subscriptions",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.pinned = False
        self.failed = False
        self.on_joined: Callable[[Group], None] = _nobody
        self.membership = Membership.JOINING
        self.since = 0
        self.last: Frame | None = None
        self.subscriptions: set[Subscription] = set()

    @property
    def wanted(self) -> bool:
        """Return whether anybody here still needs the group's messages."""
        return self.pinned or bool(self.subscriptions)

    def joined_before(self, tick: int) -> bool:
        """Return whether the process was in the group when a read of this tick began."""
        return self.membership is Membership.JOINED and self.since < tick


def _nobody(group: Group) -> None:
    """Call nobody: nobody has wanted the group yet."""


class GroupMemberships:
    """The groups of one hub; the one place that asks the channel layer to join or leave."""

    def __init__(self, layer: Groups, timeout: float) -> None:
        self.channel: str | None = None
        self.groups: dict[str, Group] = {}
        self._layer = layer
        self._timeout = timeout
        self._ticks = count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def tick(self) -> int:
        """Return the next moment in this process's order of joins and reads."""
        return next(self._ticks)

    def get(self, name: str) -> Group | None:
        """Return the group if this process is in it, or has not finished leaving it."""
        group = self.groups.get(name)
        return None if group is None or group.membership is Membership.JOINING else group

    def want(self, name: str, on_joined: Callable[[Group], None]) -> Group:
        """Return the group, joining it if need be; call `on_joined` when it is usable.

        A leave under way is waited for: the caller makes the group wanted before it awaits.
        """
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(name)
            self._start(self._join(group))
        group.on_joined = on_joined
        return group

    def leave_unwanted(self, group: Group) -> None:
        """Leave the group if nobody wants it; one that is being joined is left afterwards."""
        if group.membership is Membership.JOINED and not group.wanted:
            group.membership = Membership.LEAVING
            group.last = None
            self._start(self._leave(group))

    def retry(self) -> None:
        """Join again the groups that the broker failed to join: they live by the tail."""
        for group in self.groups.values():
            if group.failed and group.membership is Membership.JOINED:
                group.membership = Membership.JOINING  # who does not want it now leaves it then
                self._start(self._join(group))

    async def rejoin(self) -> None:
        """Join every wanted group again: after an outage the broker may have forgotten it.

        Meanwhile the groups stay as usable as they were. What fails is left to `retry`.
        """
        for group in tuple(self.groups.values()):
            if group.wanted and group.membership is Membership.JOINED and not group.failed:
                group.failed = not await self._attempt("group_add", group)

    async def close(self) -> None:
        """Wait for what is under way, so that the layer keeps no membership of this process."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, group: Group) -> None:
        group.failed = not await self._attempt("group_add", group)
        # Also when the broker failed: the group's subscriptions then live by the tail alone.
        group.membership = Membership.JOINED
        group.since = self.tick()
        group.on_joined(group)

    async def _leave(self, group: Group) -> None:
        await self._attempt("group_discard", group)
        group.last = None
        if group.wanted:
            group.membership = Membership.JOINING
            await self._join(group)
        else:
            del self.groups[group.name]

    async def _attempt(self, call: str, group: Group) -> bool:
        """Return whether the layer did it in time; redis, sockets and layers raise anything."""
        try:
            async with asyncio.timeout(self._timeout):
                await getattr(self._layer, call)(group.name, self.channel)
        except Exception as error:
            log_broken(logger, f"{call} of {group.name} failed", error)
            return False
        return True

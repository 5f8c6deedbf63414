"""Channel layer groups of a process: joined once each, by the hub's one channel; and which of them
each subscription is in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from enum import Enum
from itertools import count

from realtime.failures import log_broken
from realtime.publishing import groups
from realtime.publishing.layer_messages import Groups
from realtime.state.frames import Frame
from realtime.state.subscriptions import State, Subscription

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


class Placement:
    """The groups of one tenant; `ask` has subscriptions read in a round.

    While a round is `reading`, no group is left: the round may want it again.
    """

    def __init__(
        self,
        tenant_id: int,
        memberships: GroupMemberships,
        ask: Callable[[Iterable[Subscription]], None],
    ) -> None:
        self.reading = False
        self._tenant_id = tenant_id
        self._memberships = memberships
        self._ask = ask
        self._empty: set[Group] = set()
        self._notices = memberships.want(groups.of_tenant(tenant_id), self._joined)
        self._notices.pinned = True

    def receiving(self, frame: Frame) -> Group | None:
        """Return the group that a frame came to, if this process is in it."""
        seen = frame.seen
        return self._memberships.get(groups.of_object(self._tenant_id, seen.key, seen.audience))

    def group_of(self, s: Subscription) -> Group | None:
        """Return the group of a subscription's audience."""
        return None if s.audience is None else self._group(s, s.audience)

    def was_joined(self, s: Subscription, read: Frame | None, began: int) -> bool:
        """Return whether this process was in the group of a read's audience when the read began."""
        group = None if read is None else self._group(s, read.seen.audience)
        return group is not None and group.joined_before(began)

    def move(self, s: Subscription, read: Frame) -> None:
        """Put a subscription into the group of the read's audience, and have it read again after
        the join: a frame published between the read and the join would reach nobody."""
        if self._enter(s, read).membership is Membership.JOINED:
            self._ask([s])

    def enter(self, s: Subscription, read: Frame) -> None:
        """Put a subscription into the read's audience, and into its group unless it is only for
        windows."""
        if s.single:
            self._enter(s, read)
        else:
            s.audience = read.seen.audience

    def _enter(self, s: Subscription, read: Frame) -> Group:
        """Put a subscription into the group of the read's audience, joining it if need be."""
        name = groups.of_object(self._tenant_id, s.key, read.seen.audience)
        group = self._memberships.want(name, self._joined)
        if read.seen.audience != s.audience:
            self.leave(s)
            s.audience = read.seen.audience
        group.subscriptions.add(s)
        return group

    def leave(self, s: Subscription) -> None:
        """Take a subscription out of its group, and leave the group if it was the last one."""
        group = self.group_of(s)
        s.audience = None
        if group is not None:
            group.subscriptions.discard(s)
            self._leave_if_empty(group)

    def rest(self) -> None:
        """Leave the groups that nobody wants: no round is under way."""
        self.reading = False
        empty, self._empty = self._empty, set()
        for group in empty:
            self._memberships.leave_unwanted(group)

    def close(self) -> None:
        """Leave the tenant's own group too."""
        self._notices.pinned = False
        self._memberships.leave_unwanted(self._notices)

    def _group(self, s: Subscription, audience: str) -> Group | None:
        return self._memberships.groups.get(groups.of_object(self._tenant_id, s.key, audience))

    def _joined(self, group: Group) -> None:
        """Have the subscriptions that waited for this group read again: it has become usable."""
        self._ask([s for s in group.subscriptions if s.state is not State.LIVE])
        self._leave_if_empty(group)

    def _leave_if_empty(self, group: Group) -> None:
        self._empty.add(group)
        if not self.reading:
            self.rest()

"""Placement: which group of its tenant each subscription of this process is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from realtime.hub.group_membership import Group, GroupMemberships, Membership
from realtime.publishing import groups
from realtime.state.frames import Frame
from realtime.state.subscriptions import State, Subscription


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

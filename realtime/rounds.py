"""Rounds: the one way in which a process's subscriptions of a tenant read the database.

One round at a time per tenant, while something is asked or access changed. `applied` is the access
revision up to which every live subscription here is known to be right; a frame of a later one
waits. Everything runs on one event loop: only an `await` interrupts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from permissions.audiences import registry
from permissions.rendering import Ref
from realtime import fence, groups, reading
from realtime.joins import Group, Joins, Membership
from realtime.metrics import DRIFT, FENCE_REFUSALS, ROUND_FAILURES
from realtime.subscriptions import GONE, State, Subscription

if TYPE_CHECKING:
    from permissions.accesslog import Touch
    from permissions.read import Pair
    from realtime.frames import Frame

logger = logging.getLogger(__name__)

FAN_OUT: Final = 256
RETRY_SECONDS: Final = 0.5

Run = Callable[..., Awaitable[Any]]
"""Runs a plain function with its arguments on a thread of the hub's."""


class Rounds:
    """The subscriptions of one tenant in one process, and the rounds that read for them."""

    def __init__(
        self,
        tenant_id: int,
        joins: Joins,
        run: Run,
        on_touched_users: Callable[[int, set[int] | None], Awaitable[None]],
        size: int,
    ) -> None:
        self.tenant_id = tenant_id
        self.applied: int | None = None
        self.behind = 0
        self.subscriptions: set[Subscription] = set()
        self._by_user: dict[int, set[Subscription]] = {}
        self._by_ref: dict[Ref, set[Subscription]] = {}
        self._joins = joins
        self._run = run
        self._on_touched_users = on_touched_users
        self._size = size
        self._asks: dict[Subscription, None] = {}
        self._held: set[Group] = set()
        self._task: asyncio.Task[None] | None = None
        self._repairs: set[asyncio.Future[Any]] = set()
        self._empty: set[Group] = set()
        self._notices = joins.want(groups.of_tenant(tenant_id), self._joined)
        self._notices.pinned = True

    # What the hub tells.

    def add(self, s: Subscription) -> None:
        """Register a pending subscription and ask for its first read."""
        self.subscriptions.add(s)
        self._by_user.setdefault(s.user_id, set()).add(s)
        self._by_ref.setdefault(s.ref, set()).add(s)
        self.ask([s])

    def remove(self, s: Subscription) -> None:
        """Forget a subscription that has ended."""
        self.subscriptions.discard(s)
        self._asks.pop(s, None)
        self._discard(self._by_user, s.user_id, s)
        self._discard(self._by_ref, s.ref, s)
        self._unplace(s)

    @staticmethod
    def _discard(index: dict[Any, set[Subscription]], key: Any, s: Subscription) -> None:
        index.get(key, set()).discard(s)
        if not index.get(key):
            index.pop(key, None)

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        """Have these read in the next round."""
        self._asks.update(dict.fromkeys(subscriptions))
        self._wake()

    def notice(self, revision: int) -> None:
        """The tenant's access revision rose to this, somebody says."""
        if self.applied is None or revision > self.applied:
            self.behind = max(self.behind, revision)
            self._wake()

    async def frame(self, frame: Frame) -> None:
        """A frame came from the broker: to its group's subscriptions, as far as the fence lets it."""
        seen = frame.seen
        if seen.schema != self._schema(seen.ref.model, seen.audience):
            self.ask(self.of_ref(seen.ref))  # a process of another release
            return
        group = self._joins.get(groups.of_object(self.tenant_id, seen.ref, seen.audience))
        if group is None:
            return
        if group.last is None or frame.version > group.last.version:
            group.last = frame
        if self.applied is None or seen.revision > self.applied:
            self._held.add(group)
            self.behind = max(self.behind, seen.revision)
            self._wake()
            return
        await self._fan_out(group, frame)

    def _schema(self, model: str, audience: str) -> str | None:
        found = registry.get(model).audience(audience) if model in registry else None
        return found and found.schema

    def of_ref(self, ref: Ref) -> Iterator[Subscription]:
        """The live subscriptions of an object."""
        return (s for s in tuple(self._by_ref.get(ref, ())) if s.state is State.LIVE)

    def live(self) -> Iterator[Subscription]:
        """All live subscriptions of the tenant."""
        return (s for s in tuple(self.subscriptions) if s.state is State.LIVE)

    async def close(self) -> None:
        """End the round and the repairs under way, and leave the tenant's group."""
        self._notices.pinned = False
        self._joins.leave_unwanted(self._notices)
        tasks = [t for t in (self._task, *self._repairs) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Rounds.

    def _wake(self) -> None:
        if self._task is None and self._wanted():
            self._task = asyncio.get_running_loop().create_task(self._rounds())

    def _wanted(self) -> bool:
        return bool(self._asks) or (self.applied is not None and self.behind > self.applied)

    async def _rounds(self) -> None:
        try:
            while self._wanted():
                todo = self._take()
                try:
                    await self._round(todo)
                except Exception:
                    ROUND_FAILURES.inc()
                    logger.exception(
                        "A round of tenant %d failed; it begins again.", self.tenant_id
                    )
                    self._asks.update(dict.fromkeys(s for s in todo if s in self.subscriptions))
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._task = None
            self._leave_empty()

    def _take(self) -> set[Subscription]:
        taken = list(self._asks)[: self._size]
        for s in taken:
            del self._asks[s]
        return set(taken)

    async def _round(self, todo: set[Subscription]) -> None:
        began = self._joins.tick()
        goal = self.behind
        first = await self._run(
            reading.read_round, self.tenant_id, self.applied, {_pair(s) for s in todo}
        )
        touched = self._touched(first.touches)
        seen: dict[Pair, Frame | None] = dict(first.seen)
        # Later than the rows is allowed, earlier never.
        for pairs in _pieces({_pair(s) for s in touched - todo} - seen.keys(), self._size):
            seen.update(await self._run(reading.read_pairs, self.tenant_id, pairs))
        todo |= touched
        for s in todo:
            if s.state is State.LIVE and _audience(seen[_pair(s)]) != s.audience:
                if s not in touched:
                    self._repair_access(s)
                s.silence()
        await self._on_touched_users(self.tenant_id, _users(first.touches))
        for s in todo:
            self._place(s, seen[_pair(s)], began)
        self.applied = first.revision
        if self.behind <= goal:
            self.behind = first.revision
        held, self._held = self._held, set()
        for group in held:
            if group.last is not None:
                await self._fan_out(group, group.last)
        for s in todo:
            self._offer_last(s)

    def _touched(self, touches: list[Touch]) -> set[Subscription]:
        touched: set[Subscription] = set()
        for touch in touches:
            if touch.user_id is None and touch.model is None:
                return set(self.subscriptions)
            touched |= self._about(touch)
        return touched

    def _about(self, touch: Touch) -> set[Subscription]:
        """The subscriptions of the touch's user, of its object, or of both."""
        mine = self._by_user.get(touch.user_id, set()) if touch.user_id is not None else None
        if touch.model is None or touch.object_id is None:
            return mine or set()
        about = self._by_ref.get(Ref(touch.model, touch.object_id), set())
        return about if mine is None else mine & about

    def _place(self, s: Subscription, r: Frame | None, began: int) -> None:
        """Apply one read to a subscription. Nothing is awaited here."""
        if s.state is State.ENDED:
            return
        if r is None:
            self.remove(s)
            s.end()
            return
        if r.version < s.version:  # a frame overtook the read
            if r.seen.audience != s.audience:
                s.silence()
            self.ask([s])
            return
        group = self._move(s, r)
        if s.state is State.PENDING and not group.joined_before(began):
            if group.membership is Membership.JOINED:
                self.ask([s])
            return
        if s.state is State.LIVE and r.version == s.version:
            if r.seen.etag != _etag(s):
                self._repair_change(s)
            elif s.waiting:
                s.put(r)
            return
        s.state = State.LIVE
        s.version = r.version
        s.put(r)

    def _move(self, s: Subscription, r: Frame) -> Group:
        """The group of the read's audience, with the subscription in it and in no other."""
        name = groups.of_object(self.tenant_id, s.ref, r.seen.audience)
        group = self._joins.want(name, self._joined)
        if r.seen.audience != s.audience:
            s.silence()
            self._unplace(s)
            s.audience = r.seen.audience
        group.subscriptions.add(s)
        return group

    def _unplace(self, s: Subscription) -> None:
        if s.audience is None:
            return
        group = self._joins.groups.get(groups.of_object(self.tenant_id, s.ref, s.audience))
        s.audience = None
        if group is not None:
            group.subscriptions.discard(s)
            if not group.subscriptions:
                self._empty.add(group)
                self._leave_empty()

    def _leave_empty(self) -> None:
        """Leave groups that nobody wants; not during a round, which may want them again."""
        if self._task is None:
            empty, self._empty = self._empty, set()
            for group in empty:
                self._joins.leave_unwanted(group)

    def _joined(self, group: Group) -> None:
        """A group has become usable: those who waited for it are read again."""
        self.ask([s for s in group.subscriptions if s.state is State.PENDING])
        if not group.wanted:
            self._empty.add(group)
            self._leave_empty()

    # Frames.

    async def _fan_out(self, group: Group, frame: Frame) -> None:
        """Offer to each subscription; a long fan-out yields, so the fence is asked at each write."""
        for done, s in enumerate(tuple(group.subscriptions), start=1):
            if not fence.offer(s, frame, self.applied or 0):
                FENCE_REFUSALS.inc()
            if done % FAN_OUT == 0:
                await asyncio.sleep(0)

    def _offer_last(self, s: Subscription) -> None:
        if s.audience is None:
            return
        group = self._joins.groups.get(groups.of_object(self.tenant_id, s.ref, s.audience))
        if group is not None and group.last is not None:
            fence.offer(s, group.last, self.applied or 0)

    # Repairs: what no hook saw is written as if one had seen it, and comes back in the usual way.

    def _repair_access(self, s: Subscription) -> None:
        logger.warning("An access change of %s escaped the log; repairing it.", s.ref.model)
        DRIFT.labels(s.ref.model, "access").inc()
        self._repair(reading.repair_access, self.tenant_id, s.user_id, s.ref)

    def _repair_change(self, s: Subscription) -> None:
        logger.warning("A change of %s escaped its version; repairing it.", s.ref.model)
        DRIFT.labels(s.ref.model, "change").inc()
        self._repair(reading.repair_change, self.tenant_id, s.ref, s.version)

    def _repair(self, work: Callable[..., Any], *args: Any) -> None:
        task = asyncio.ensure_future(self._run(work, *args))
        self._repairs.add(task)
        task.add_done_callback(self._repaired)

    def _repaired(self, task: asyncio.Future[Any]) -> None:
        self._repairs.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A repair failed; the next sweep tries again.", exc_info=task.exception())


def _pair(s: Subscription) -> Pair:
    return s.user_id, s.ref


def _audience(r: Frame | None) -> str | None:
    return None if r is None else r.seen.audience


def _etag(s: Subscription) -> str | None:
    """The etag of what the client has, or will have when its slot is sent."""
    newest = s.slot or s.sent
    return None if newest is None or newest is GONE else newest.seen.etag


def _users(touches: Iterable[Touch]) -> set[int] | None:
    """The users whose standing may have changed; None for everybody."""
    users: set[int] = set()
    for touch in touches:
        if touch.model is None:
            if touch.user_id is None:
                return None
            users.add(touch.user_id)
    return users


def _pieces(pairs: set[Pair], size: int) -> Iterator[list[Pair]]:
    ordered = list(pairs)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))

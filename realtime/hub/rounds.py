"""Rounds: the one way in which a process's subscriptions of a tenant read the database.

Each tenant has one round at a time, while something is asked or access has changed. `applied` is
the access revision up to which every live subscription here is known to be right; a frame of a
later one waits. Everything runs on one event loop: only an `await` interrupts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Final

from realtime.failures import log_failure
from realtime.hub.arrivals import Arrivals
from realtime.hub.delivery import Delivery, in_turns
from realtime.hub.group_membership import Placement
from realtime.hub.reading import Reads, at_once
from realtime.hub.repairs import Repairs
from realtime.hub.served import Served
from realtime.hub.windows import Windows
from realtime.metrics import ROUND_FAILURES, ROUND_SECONDS
from realtime.publishing import framing
from realtime.state import fence, ledger_entries
from realtime.state.deciding import TAKE, Decision, decide, has_left
from realtime.state.frames import Frame
from realtime.state.index import Index
from realtime.state.ledger_entries import Entries
from realtime.state.settling import stop_single
from realtime.state.subscriptions import LIVE, PENDING, UNAVAILABLE, State, Subscription

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.5
KEY: Final = attrgetter("key")

Found = Mapping[Subscription, Frame | None]


class Rounds:
    """The subscriptions of one tenant in one process, and the rounds that read for them."""

    def __init__(self, tenant_id: int, hub: Served) -> None:
        self.tenant_id = tenant_id
        self.behind = 0
        self.index = Index(hub.due)
        self._hub = hub
        self._run = hub.run
        self._size = hub.limits["round_size"]
        self._asks: dict[Subscription, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = self._unchecked = False
        self._delivery = Delivery(self.ask)
        self._repairs = Repairs(tenant_id, hub.run)
        self._placement = Placement(tenant_id, hub.groups, self.ask)
        self.arrivals = Arrivals(self, self._delivery)
        self.windows = Windows(self, hub, self._delivery, self.arrivals.newer)

    @property
    def applied(self) -> int | None:
        """Return the access revision that this process has applied for the tenant."""
        return self._delivery.applied

    # What the hub tells.

    def add(self, s: Subscription) -> None:
        """Register a pending subscription and ask for its first read."""
        self.index.add(s)
        self.ask([s])

    def remove(self, s: Subscription) -> None:
        """Forget a subscription that has ended."""
        self.index.remove(s)
        self._asks.pop(s, None)
        self._placement.leave(s)

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        """Have these read in the next round."""
        self._asks.update(dict.fromkeys(subscriptions))
        self._wake()

    def ask_all(self) -> None:
        """Have everything read in the next round."""
        self.windows.ask_all()
        self.ask(self.index.all)

    def asked(self, s: Subscription) -> bool:
        """Return whether the next round reads this."""
        return s in self._asks

    def end_single(self, s: Subscription) -> None:
        """End what a client asked for by id, of a row that windows may hold."""
        audience = s.audience
        self._placement.leave(s)
        s.audience = audience
        if s.opened is not None:
            self._hub.ledger.end(s.opened.access, ledger_entries.UNSUBSCRIBED)
            s.opened = None
        stop_single(s)

    def retry(self) -> None:
        """Read again the objects that could not be repaired."""
        failed, self._repairs.failed = self._repairs.failed, {}
        for key, showing in failed.items():
            rows = list(self.index.of_key(key))
            self.index.showing.update(rows if showing else ())
            self.ask(rows)

    def check(self) -> None:
        """Have a new socket's credential checked in a round, with all others that wait."""
        self._unchecked = True
        self._wake()

    def notice(self, revision: int) -> None:
        """Note that the tenant's access revision is said to have risen to this."""
        self.behind = max(self.behind, revision)
        self._wake()

    def frame(self, frame: Frame) -> None:
        """Pass a frame from the broker to its group's subscriptions, as the fence lets it."""
        if not framing.is_ours(frame):
            self.ask(self.index.of_key(frame.key))  # a process of another release
            return
        group = self._placement.receiving(frame)
        if group is not None and not self._delivery.arrive(group, frame):
            self.notice(frame.seen.revision)  # it is ahead: only this tenant waits

    async def close(self) -> None:
        """End the round and the repairs under way, and leave the tenant's groups."""
        self._closed = True
        self._placement.close()
        self.windows.end()
        tasks = self.tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Tasks that were cancelled before they began did not remove themselves.
        self._task = self._delivery.task = self.arrivals.task = None
        self._placement.rest()
        self.windows.rest()

    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the round, the repairs and the deliveries under way."""
        others = (self._task, self._delivery.task, self.arrivals.task)
        return [*self._repairs.tasks.values(), *(task for task in others if task is not None)]

    async def settled(self) -> None:
        """Wait until the rounds under way are done."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # Rounds.

    def _wake(self) -> None:
        if self._task is None and not self._closed and self._wanted():
            self._delivery.reading = self._placement.reading = True
            self._task = asyncio.get_running_loop().create_task(self._rounds())

    def _wanted(self) -> bool:
        """Return whether a round is due, even without subscriptions: it may end a socket."""
        ahead = self.applied is None or self.behind > self.applied
        return bool(self._asks or self.windows.asked) or self._unchecked or ahead

    async def _rounds(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            well = loop.time()
            while self._wanted():
                todo, began = self._take(), loop.time()
                try:
                    await self._round(todo)
                    well = loop.time()
                    ROUND_SECONDS.observe(well - began)
                except Exception as error:
                    ROUND_FAILURES.inc()
                    log_failure(logger, f"A round of tenant {self.tenant_id} failed", error)
                    self._asks.update(dict.fromkeys(s for s in todo if s in self.index))
                    self.windows.retry()
                    self._unchecked = True
                    if loop.time() - well > self._hub.limits["patience_seconds"]:
                        self._hub.send_away(self.tenant_id)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._task = None
            self._delivery.rest()
            self._placement.rest()
            if self.windows.in_use:
                self.windows.rest()

    def _take(self) -> set[Subscription]:
        taken = at_once(self._asks, KEY, self._size)
        for s in taken:
            del self._asks[s]
        return set(taken)

    async def _round(self, todo: set[Subscription]) -> None:
        self.windows.reading = set(todo)
        asked = await self.windows.take(self._size) if self.windows.asked else []
        if asked:
            todo |= self.windows.rows(asked)
        began, at = self._hub.groups.tick(), asyncio.get_running_loop().time()
        goal = self.behind
        unchecked, self._unchecked = self._unchecked, False
        reads = Reads(self.tenant_id, self._run, self._size, self.index.fresh)
        lists, seen = reads.lists, reads.seen
        first = await reads.first(self.applied, todo, asked)
        touched = {s for s in self.index.touched(first.touches) if not self._asked_since(s)}
        moved, gained = self.windows.touched(first.touches) if self.windows.in_use else ((), set())
        todo |= touched | gained
        await reads.also(touched | gained, moved)
        if lists:
            todo |= self.windows.listed(lists)
        self.windows.reading |= todo
        found = {s: seen[s.pair] for s in todo}
        self._silence(found, touched)
        if unchecked or first.users != set():
            await self._hub.session_checks.of_users(self.tenant_id, first.users)
        made, deleted = Entries(), first.deleted
        if self.windows.in_use:
            made = self.windows.entries(lists, first.revision, reads.highest)
        written = (s for s in todo if s.single or s.version >= 0)  # of new rows of windows, nothing
        await in_turns(written, lambda s: made.enter(s, found[s], deleted))
        await self._hub.ledger.write(self.tenant_id, made)
        self.windows.applying.wrote(made.applied)
        # A frame that comes meanwhile is of a revision up to `applied`, or waits for the new one.
        place = partial(self._place, found, began)
        for some in self.windows.together(lists) if lists else ():
            self.windows.place(some, lists, seen, place)
            await asyncio.sleep(0)
        await in_turns(todo & self.windows.reading, place)
        self.index.read(todo, at)
        self._delivery.apply(first.revision)
        if self.behind <= goal:
            self.behind = first.revision
        await in_turns((s for s in todo if s.single), self._offer_last)
        if self.windows.in_use:
            await self.windows.finish(lists, at)

    def _offer_last(self, s: Subscription) -> None:
        """Offer what its own group got last; what is only for windows is in none."""
        group = self._placement.group_of(s)
        self._delivery.offer(s, None if group is None else group.last)

    def _asked_since(self, s: Subscription) -> bool:
        """Return whether it waits for the next round: this read is older than its question."""
        return s.state is PENDING and s in self._asks

    def _silence(self, found: Found, touched: set[Subscription]) -> None:
        """Silence, before anything else is awaited, those whose reader left their audience."""
        for s, read in found.items():
            if has_left(s, read):
                if s not in touched:
                    self._repairs.access(s, read)
                s.silence()

    def _place(self, found: Found, began: int, s: Subscription) -> None:
        """Decide what one read means, and carry it out, without awaiting anything."""
        read = found[s]
        self.windows.reading.discard(s)
        joined = (
            s.state is LIVE
            or not s.single  # the model's group was joined before
            or self._placement.was_joined(s, read, began)
        )
        decision = decide(s, read, joined=joined)
        if read is None:
            if decision is Decision.END:
                self.remove(s)
                s.end()
        elif decision is TAKE:  # nearly always
            self._write(LIVE, s, read)
        else:
            self._carry_out(decision, s, read)

    def _write(self, state: State, s: Subscription, read: Frame) -> None:
        """Write a read to a subscription's slot, which is in this state from now on."""
        if s.state is not LIVE:
            self._placement.enter(s, read)
        kept = self.arrivals.kept(s) if self.windows.in_use else None
        fence.take(s, state, read, kept, self.applied or 0)

    def _carry_out(self, decision: Decision, s: Subscription, read: Frame) -> None:
        same_version = s.state is LIVE and read.version == s.version
        match decision:
            case Decision.TAKE_UNAVAILABLE:
                self._write(UNAVAILABLE, s, read)
            case Decision.READ_AGAIN:
                s.overtaken_at = s.version
                self.ask([s])
            case Decision.REPAIR:
                self._repairs.change(s, read, showing=s in self.index.showing)
            case Decision.MOVE:
                self._placement.move(s, read)
            case Decision.SEND_AGAIN:
                s.put(read)
        if same_version:
            self.index.showing.discard(s)

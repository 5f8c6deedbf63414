"""Frames of one tenant on their way from the broker to its subscriptions in this process.

Each tenant has a delivery of its own, so that a long fan-out holds up no other tenant. What arrives
during a fan-out is conflated: only the newest frame of each group is kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from realtime.failures import log_failure
from realtime.hub.group_membership import Group
from realtime.metrics import DELIVERY_SECONDS, FENCE_REFUSALS
from realtime.state import fence
from realtime.state.frames import Frame
from realtime.state.subscriptions import State, Subscription

logger = logging.getLogger(__name__)

TURN: Final = 32
"""The number of subscriptions after which a long loop yields."""


async def in_turns(
    subscriptions: Iterable[Subscription], do: Callable[[Subscription], object]
) -> None:
    """Do this with each of these, pausing now and then for others: decide nothing across them."""
    for done, s in enumerate(tuple(subscriptions), start=1):
        do(s)
        if done % TURN == 0:
            await asyncio.sleep(0)


class Delivery:
    """`applied` is the access revision up to which every live subscription here is known to be
    right, None at first: a frame of a later one waits until `apply`.

    A group's newest frame is kept while it is on its way and, for subscriptions that a round reads,
    until the rounds `rest`. Anyone read later is read after this frame, so it need not be kept.
    """

    def __init__(self, ask: Callable[[Iterable[Subscription]], None]) -> None:
        self._ask = ask
        self.applied: int | None = None
        self.reading = False
        self.task: asyncio.Task[None] | None = None
        self._due: dict[Group, None] = {}
        self._held: set[Group] = set()
        self._kept: set[Group] = set()

    def arrive(self, group: Group, frame: Frame) -> bool:
        """Keep the group's newest frame and deliver it soon; return False if it has to wait."""
        if group.last is None or frame.version > group.last.version:
            group.last = frame
        if self.applied is None or frame.seen.revision > self.applied:
            self._held.add(group)
            return False
        self._due[group] = None
        self._wake()
        return True

    def apply(self, revision: int) -> None:
        """Mark this access revision as applied, and deliver what has waited for it."""
        self.applied = revision
        for group in tuple(self._held):
            # None if the group was left meanwhile.
            if group.last is None or group.last.seen.revision <= revision:
                self._held.discard(group)
                self._due[group] = None
        self._wake()

    def rest(self) -> None:
        """Drop the frames that were kept for subscriptions being read: no round is running."""
        self.reading = False
        kept, self._kept = self._kept, set()
        for group in kept:
            self._release(group)

    def _release(self, group: Group) -> None:
        """Drop a group's delivered frame, unless a running round may still need it."""
        if self.reading:
            self._kept.add(group)
        elif group not in self._due and group not in self._held:
            group.last = None

    def offer(self, s: Subscription, frame: Frame | None) -> None:
        """Offer a frame to one subscription: the fence decides.

        A subscription that was never shown the object is instead read, once for each version.
        """
        if frame is None or fence.offer(s, frame, self.applied or 0):
            return
        if s.state is not State.UNAVAILABLE:
            FENCE_REFUSALS.inc()
        elif s.overtaken_at < frame.version > s.version:
            s.overtaken_at = frame.version
            self._ask([s])

    def _wake(self) -> None:
        if self.task is None and self._due:
            self.task = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        try:
            while self._due:
                group = next(iter(self._due))
                del self._due[group]
                try:
                    await self._fan_out(group, group.last)
                except Exception as error:
                    log_failure(
                        logger,
                        "A frame could not be delivered; the tail reads the object again",
                        error,
                    )
                self._release(group)
        finally:
            self.task = None

    async def _fan_out(self, group: Group, frame: Frame | None) -> None:
        """Offer to each subscription; a long fan-out yields, so each write asks the fence again."""
        # Not `in_turns`, which costs a tenth of an offer.
        for done, s in enumerate(tuple(group.subscriptions), start=1):
            self.offer(s, frame)
            if done % TURN == 0:
                await asyncio.sleep(0)
        if frame is not None and frame.committed is not None:
            DELIVERY_SECONDS.observe(max(0.0, time.time() - frame.committed))

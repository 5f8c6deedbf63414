"""Arrivals: what other processes say of a model's objects, brought to rows and windows.

While a round is under way, the newest frame of each object and audience is kept until its end, and
the objects are looked at again then: a row may not have been there yet, a floor may fall, and the
tail shows a change once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from permissions.audiences import registry
from permissions.representation import ObjectKey
from realtime.failures import log_failure
from realtime.hub.delivery import TURN, Delivery
from realtime.publishing import framing
from realtime.state.frames import Frame
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window

if TYPE_CHECKING:
    from realtime.hub.rounds import Rounds
    from realtime.hub.tail import Changed
    from realtime.publishing.moves import Move

logger = logging.getLogger(__name__)


class Arrivals:
    """What arrives for the windows of a tenant.

    `_kept` is the newest frame of each object and audience that came while a round was under way,
    or that is ahead; `_look` are the objects at which these windows look again at the round's end,
    and `_seen` the versions that the tail saw meanwhile. Messages wait in `_due`.
    """

    def __init__(self, rounds: Rounds, delivery: Delivery) -> None:
        self.task: asyncio.Task[None] | None = None
        self._rounds = rounds
        self._delivery = delivery
        self._kept: dict[tuple[ObjectKey, str], Frame] = {}
        self._look: dict[ObjectKey, set[Window]] = {}
        self._seen: dict[ObjectKey, int] = {}
        self._due: deque[Move] = deque()

    def arrive(self, move: Move) -> None:
        """Take in what changed of an object of the model; bring it to rows and windows soon."""
        if not self._rounds.windows.in_use:
            return  # the group was left
        applied = self._delivery.applied
        ahead = applied is None or move.revision > applied
        if ahead or self._delivery.reading:
            for frame in move.frames:
                self._keep(frame)
        if ahead:
            self._rounds.notice(move.revision)
        self._due.append(move)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._deliver())

    def kept(self, s: Subscription) -> Frame | None:
        """Return the newest frame for the row's audience that came while it was read."""
        if not self._kept or s.audience is None:  # nearly always
            return None
        return self._kept.get((s.key, s.audience))

    def newer(self, s: Subscription) -> bool:
        """Return whether something newer than the row's state is kept, for whatever audience."""
        audiences = registry.get(s.key.model).audiences
        kept = (self._kept.get((s.key, audience.name)) for audience in audiences)
        return any(frame is not None and frame.version > s.version for frame in kept)

    def _keep(self, frame: Frame) -> None:
        """Keep the newest of each object and audience: another audience waits for another one."""
        name = (frame.key, frame.seen.audience)
        known = self._kept.get(name)
        if known is None or frame.version > known.version:
            self._kept[name] = frame

    async def _deliver(self) -> None:
        try:
            while self._due:
                move = self._due.popleft()
                try:
                    await self._bring(move)
                except Exception as error:
                    log_failure(
                        logger, "A change could not be brought to windows; the tail does", error
                    )
        finally:
            self.task = None

    async def _bring(self, move: Move) -> None:
        ours = {f.seen.audience: f for f in move.frames if framing.is_ours(f)}
        foreign = len(ours) < len(move.frames)  # a process of another release
        if foreign:
            self._rounds.ask(self._rounds.index.of_key(move.key))
        await self._offer(move.key, ours)
        mine = self._rounds.windows.index.moved(move.key.model, created=move.created)
        moved = (w for w in mine if move.created or touches(w, move.fields))
        self._consider(
            move.key,
            [w for w in moved if move.created or foreign or may_match(w, ours.values())],
        )

    async def _offer(self, key: ObjectKey, frames: Mapping[str, Frame]) -> None:
        """Offer an object's frames to its rows, each that of its audience; as in a fan-out, each
        write asks the fence again."""
        # Not `in_turns`, which costs a tenth of an offer.
        for done, s in enumerate(self._rounds.index.of_key(key), start=1):
            frame = frames.get(s.audience or "")
            if frame is not None and frame.seen.version > s.version:
                self._delivery.offer(s, frame)
            if done % TURN == 0:
                await asyncio.sleep(0)

    def see(self, changed: Changed) -> None:
        """Look at a change that the tail found: it is shown once, and may be newer than a read
        that is under way."""
        key = changed.key
        index = self._rounds.windows.index
        if self._delivery.reading and index.of_model(key.model):
            self._seen[key] = max(changed.version, self._seen.get(key, 0))
        mine = index.moved(key.model, created=changed.creation)
        self._consider(key, [w for w in mine if changed.creation or touches(w, changed.fields)])

    def _consider(self, key: ObjectKey, some: Collection[Window]) -> None:
        """Have an object read that these windows may come to hold."""
        if some:
            if self._delivery.reading:
                self._look.setdefault(key, set()).update(some)
            self._rounds.ask(self._rounds.windows.candidates(key, some))

    async def finish(self) -> None:
        """A round has placed what it read: offer what came meanwhile, and look at it again."""
        for name, frame in tuple(self._kept.items()):
            await self._offer(frame.key, {frame.seen.audience: frame})
            if frame.seen.revision <= (self._delivery.applied or 0) and self._kept[name] is frame:
                del self._kept[name]
        seen, self._seen = self._seen, {}
        for key, version in seen.items():
            self._rounds.ask([s for s in self._rounds.index.of_key(key) if s.version < version])
        look, self._look = self._look, {}
        for key, some in look.items():
            self._rounds.ask(self._rounds.windows.candidates(key, some))


def touches(window: Window, fields: Collection[str] | None) -> bool:
    """Return whether a change of these model fields (None: any) may move what it filters by."""
    if fields is None:
        return True
    sources = registry.get(window.model).depends_on
    return any(sources[name].intersection(fields) for name, _ in window.where)


def may_match(window: Window, frames: Iterable[Frame]) -> bool:
    """Return whether one audience's payload matches, or cannot be shown."""
    return any(not f.available or window.matches(f.values(window.fields)) for f in frames)

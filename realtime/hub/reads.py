"""What one round reads: first everything that asked, in the snapshot of the access log's rows, and
then what those rows touch; later than the rows is allowed, earlier never.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from permissions.listing import Ask
from permissions.read import Pair
from realtime.audit.ledger import Run
from realtime.hub import reading
from realtime.hub.reading import RoundReading
from realtime.state.frames import Frame
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window


class Reads:
    """`seen` is what was read for each pair, `lists` the keys for each window that was listed, and
    `highest` the highest access revision of all that was read."""

    def __init__(self, tenant_id: int, run: Run, size: int) -> None:
        self.seen: dict[Pair, Frame | None] = {}
        self.lists: dict[Window, list[int]] = {}
        self.highest = 0
        self._tenant_id = tenant_id
        self._run = run
        self._size = size

    async def first(
        self, applied: int | None, todo: Collection[Subscription], asked: Collection[Window]
    ) -> RoundReading:
        """Read the log's rows above `applied`, and what asked."""
        found: RoundReading = await self._run(
            reading.read_round,
            self._tenant_id,
            applied,
            {s.pair for s in todo},
            [ask_of(window) for window in asked],
        )
        self.highest = found.revision
        self.seen.update(found.seen)
        self.lists.update(zip(asked, found.lists, strict=True))
        return found

    async def also(self, touched: Collection[Subscription], moved: Collection[Window]) -> None:
        """Read also what the touched ones see, and the lists that may have moved."""
        missing = list({s.pair for s in touched} - self.seen.keys())
        for start in range(0, len(missing), self._size):
            pairs = missing[start : start + self._size]
            self._take(*await self._run(reading.read_pairs, self._tenant_id, pairs))
        for window in moved:
            if window not in self.lists:
                found = await self._run(reading.read_lists, self._tenant_id, [ask_of(window)])
                [self.lists[window]], revision, seen = found
                self._take(revision, seen)

    def _take(self, revision: int, seen: Mapping[Pair, Frame | None]) -> None:
        self.highest = max(self.highest, revision)
        self.seen.update(seen)


def ask_of(window: Window) -> tuple[str, Ask]:
    """Return what a round asks the database for a window: the model, and the part of the list."""
    return window.model, Ask(window.socket.user_id, window.limit, window.after, window.where)

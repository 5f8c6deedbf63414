"""What one round reads: first everything that asked, in the snapshot of the access log's rows, and
then what those rows touch; later than the rows is allowed, earlier never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final, TypeVar

from permissions.listing import Ask
from permissions.read import Pair
from permissions.representation import ObjectKey
from realtime.audit.ledger import Run
from realtime.hub import reading
from realtime.hub.reading import RoundReading
from realtime.state.frames import Frame
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window

T = TypeVar("T")

ROWS: Final = 4
"""How many rows of windows one snapshot reads, in sizes of a round."""

READERS: Final = 10
"""How many readers one snapshot reads for, in sizes of a round: an object costs more than they."""


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
        missing = _by_object({s.pair for s in touched} - self.seen.keys())
        while missing:
            pairs = at_once(missing, itemgetter(1), self._size)
            del missing[: len(pairs)]
            self._take(*await self._run(reading.read_pairs, self._tenant_id, pairs))
        for some in in_pieces([w for w in moved if w not in self.lists], ROWS * self._size):
            asks = [ask_of(window) for window in some]
            lists, revision, seen = await self._run(reading.read_lists, self._tenant_id, asks)
            self.lists.update(zip(some, lists, strict=True))
            self._take(revision, seen)

    def _take(self, revision: int, seen: Mapping[Pair, Frame | None]) -> None:
        self.highest = max(self.highest, revision)
        self.seen.update(seen)


def ask_of(window: Window) -> tuple[str, Ask]:
    """Return what a round asks the database for a window: the model, and the part of the list."""
    return window.model, Ask(window.socket.user_id, window.limit, window.after, window.where)


def at_once(some: Iterable[T], key: Callable[[T], ObjectKey], size: int) -> list[T]:
    """Return the first of these, as far as one snapshot reads: those of so many objects, however
    many readers each has, so that an object is read and rendered once for all of them."""
    taken: list[T] = []
    keys: set[ObjectKey] = set()
    for one in some:
        keys.add(key(one))
        if len(keys) > size or len(taken) >= READERS * size:
            break
        taken.append(one)
    return taken


def _by_object(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the pairs of each object one after another."""
    readers: defaultdict[ObjectKey, list[Pair]] = defaultdict(list)
    for pair in pairs:
        readers[pair[1]].append(pair)
    return [pair for some in readers.values() for pair in some]


def in_pieces(windows: Iterable[Window], most: int) -> Iterator[list[Window]]:
    """Yield the windows, as many at once as have about so many rows."""
    piece: list[Window] = []
    rows = 0
    for window in windows:
        piece.append(window)
        rows += window.limit
        if rows >= most:
            yield piece
            piece, rows = [], 0
    if piece:
        yield piece

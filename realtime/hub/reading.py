"""What one round reads: first everything that asked, in the snapshot of the access log's rows, and
then what those rows touch; later than the rows is allowed, earlier never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, Final, TypeVar

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.audiences import registry
from permissions.listing import Ask, list_within
from permissions.read import Pair, Reading, read, read_within
from permissions.representation import ObjectKey, Representation
from permissions.snapshot import in_snapshot
from realtime.audit.ledger import Run
from realtime.capture import changes
from realtime.publishing import framing
from realtime.state.frames import Frame
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window

T = TypeVar("T")
Fresh = Callable[[Iterable[ObjectKey]], Collection[ObjectKey]]

ROWS: Final = 4
"""How many rows of windows one snapshot reads, in sizes of a round."""

READERS: Final = 10
"""How many readers one snapshot reads for, in sizes of a round: an object costs more than they."""


class Reads:
    """`seen` is what was read for each pair, `lists` the keys for each window that was listed, and
    `highest` the highest access revision of all that was read. `fresh` tells of which objects
    nobody here knows anything: what a version of theirs changed is not asked."""

    def __init__(self, tenant_id: int, run: Run, size: int, fresh: Fresh) -> None:
        self.seen: dict[Pair, Frame | None] = {}
        self.lists: dict[Window, list[int]] = {}
        self.highest = 0
        self._tenant_id = tenant_id
        self._run = run
        self._size = size
        self._fresh = fresh

    async def first(
        self, applied: int | None, todo: Collection[Subscription], asked: Collection[Window]
    ) -> RoundReading:
        """Read the log's rows above `applied`, and what asked."""
        found: RoundReading = await self._run(
            read_round,
            self._tenant_id,
            applied,
            {s.pair for s in todo},
            [ask_of(window) for window in asked],
            self._fresh({s.key for s in todo}),
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
            fresh = self._fresh({key for _, key in pairs})
            self._take(*await self._run(read_pairs, self._tenant_id, pairs, fresh))
        for some in in_pieces([w for w in moved if w not in self.lists], ROWS * self._size):
            asks = [ask_of(window) for window in some]
            lists, revision, seen = await self._run(read_lists, self._tenant_id, asks)
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
    last: ObjectKey | None = None
    for one in islice(some, READERS * size):
        this = key(one)
        if this is not last:  # mostly they come by objects
            keys.add(this)
            last = this
        if len(keys) > size:
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


# On a thread, each in one snapshot.


@dataclass(frozen=True, slots=True)
class RoundReading:
    """What a round reads first: the revision, the access changes up to it, and the asked pairs."""

    revision: int
    touches: list[Touch]
    seen: Mapping[Pair, Frame | None]
    lists: list[list[Any]]

    @property
    def deleted(self) -> set[ObjectKey]:
        """Return the objects that are gone."""
        named = [(t.model, t.object_id) for t in self.touches if t.deleted]
        return {ObjectKey(model, pk) for model, pk in named if model and pk is not None}

    @property
    def users(self) -> set[int] | None:
        """Return the users whose standing may have changed; None for everybody."""
        users = {touch.user_id for touch in self.touches if touch.model is None}
        return None if None in users else {user for user in users if user is not None}


def read_round(
    tenant_id: int,
    applied: int | None,
    pairs: Collection[Pair],
    lists: Sequence[tuple[str, Ask]] = (),
    fresh: Collection[ObjectKey] = (),
) -> RoundReading:
    """Return the tenant's access revision and changes above `applied` (None: everything is
    touched), the keys of these lists, and what the pairs and the lists' users see of them, in one
    snapshot; what changed of `fresh` objects is of no account."""
    if not (pairs or lists or applied is None):
        return RoundReading(*accesslog.since(tenant_id, applied), {}, [])

    def work(guarded: bool) -> tuple[Reading, list[Touch], list[list[Any]]]:
        anew = None, [Touch()]
        revision, touches = anew if applied is None else accesslog.since(tenant_id, applied)
        found, listed = _lists(tenant_id, lists)
        everything = {*pairs, *listed}
        reading = read_within(tenant_id, everything, guarded=guarded, revision=revision)
        return reading, touches, found

    reading, touches, found = in_snapshot(work)
    return RoundReading(reading.revision, touches, _frames(reading.seen, fresh), found)


def read_pairs(
    tenant_id: int, pairs: Collection[Pair], fresh: Collection[ObjectKey] = ()
) -> tuple[int, Mapping[Pair, Frame | None]]:
    """Return the access revision, and what the pairs see, in a snapshot of its own."""
    reading = read(tenant_id, pairs)
    return reading.revision, _frames(reading.seen, fresh)


def read_lists(
    tenant_id: int, lists: Sequence[tuple[str, Ask]]
) -> tuple[list[list[Any]], int, Mapping[Pair, Frame | None]]:
    """Return the keys of these lists, the access revision, and what their users see of them, in one
    snapshot."""

    def work(guarded: bool) -> tuple[list[list[Any]], Reading]:
        found, listed = _lists(tenant_id, lists)
        return found, read_within(tenant_id, listed, guarded=guarded)

    found, reading = in_snapshot(work)
    return found, reading.revision, _frames(reading.seen)


def _lists(tenant_id: int, lists: Sequence[tuple[str, Ask]]) -> tuple[list[list[Any]], set[Pair]]:
    """Return the keys of these lists, in their order, and each user's pairs with theirs."""
    by_model: defaultdict[str, list[int]] = defaultdict(list)
    for number, (model, _) in enumerate(lists):
        by_model[model].append(number)
    found: list[list[Any]] = [[] for _ in lists]
    pairs: set[Pair] = set()
    for model, numbers in by_model.items():
        asks = [lists[number][1] for number in numbers]
        listed = list_within(registry.get(model), tenant_id, asks)
        for number, ask, pks in zip(numbers, asks, listed, strict=True):
            found[number] = pks
            pairs.update((ask.user_id, ObjectKey(model, pk)) for pk in pks[: ask.limit])
    return found, pairs


def _frames(
    seen: Mapping[Pair, Representation | None], fresh: Collection[ObjectKey] = ()
) -> dict[Pair, Frame | None]:
    """Return a frame for each representation, with what its version changed: of `fresh` objects,
    anything."""
    distinct = {id(r): r for r in seen.values() if r is not None}
    versions: defaultdict[str, set[tuple[Any, int]]] = defaultdict(set)
    for r in distinct.values():
        if r.key not in fresh:
            versions[r.key.model].add((r.key.pk, r.version))
    fields = {label: changes.fields_changed(label, wanted) for label, wanted in versions.items()}
    made: dict[int, Frame] = {}
    for name, r in distinct.items():
        known = r.key not in fresh
        changed = fields[r.key.model][r.key.pk, r.version] if known else None
        made[name] = framing.shared(framing.make(registry.get(r.key.model), r, changed))
    return {pair: None if r is None else made[id(r)] for pair, r in seen.items()}

"""Verifies that a chain and the rows that it seals agree, one entry after the other. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from realtime.audit.chain import ADOPTED, LATE, PRUNED, Entry, Fact, Head, Keys

EDITED: Final = "edited"
DELETED: Final = "deleted"
INSERTED: Final = "inserted"
ALTERED: Final = "altered"
MISSING: Final = "missing"
TOMBSTONE: Final = "tombstone"
CUT: Final = "cut"
OTHER: Final = "other"
HEADER: Final = "header"

SAYS: Final = {
    EDITED: "edited after it was chained",
    DELETED: "deleted, and not by prune",
    INSERTED: "inserted afterwards, it says that it is older than the chain's look before",
    ALTERED: "altered, moved or forged in the chain, or after an entry that was",
    MISSING: "missing from the chain",
    TOMBSTONE: "not a tombstone that prune made here",
    CUT: "cut off the end of the chain",
    OTHER: "not what the head says, it is of another chain or was made anew",
    HEADER: "not as export wrote it",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something is not as it was chained: entries `first` to `last`, or the row of one entry."""

    what: str
    first: int
    last: int
    kind: str = ""
    row: int | None = None

    @property
    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self) | {"says": SAYS[self.what]}


class Verifier:
    """Takes a chain's entries in order, each with the current fact of its row, and yields the
    faults of each; `given` is a head that the chain had at some time."""

    def __init__(self, keys: Keys, given: Head | None = None) -> None:
        self.head = Head()
        self.entries = 0
        self.pruned = 0
        self.head_is_pruned = False
        self._keys = keys
        self._chained: set[str] = set()
        self._newest = keys.oldest
        self._given = given

    def all(self, chain: Iterable[tuple[Entry, Fact | None]], own: Head) -> Iterator[Fault]:
        """Yield every fault of a chain whose database names `own` as its head; raises
        UnknownKey."""
        for entry, fact in chain:
            yield from self.take(entry, fact)
        yield from self._end(own)

    def take(self, entry: Entry, fact: Fact | None) -> Iterator[Fault]:
        """Yield the faults of the next entry; raises UnknownKey."""
        expected = self.head.sequence + 1
        if entry.first > expected:  # the digest before it is unknown
            yield Fault(MISSING, expected, entry.first - 1)
        elif (
            entry.first < expected
            or self._newest < self._keys.age(entry.key)
            or not (entry.follows(self._keys, self.head.digest))
        ):
            yield _of(TOMBSTONE if entry.kind == PRUNED else ALTERED, entry)
        if entry.kind == PRUNED:
            self.pruned += entry.sequence - entry.first + 1
        else:
            self.entries += 1
            self._newest = min(self._newest, self._keys.age(entry.key))
            yield from self._look_at(entry, fact)
        yield from self._compare(entry)
        self.head = entry.head

    def _look_at(self, entry: Entry, fact: Fact | None) -> Iterator[Fault]:
        if fact is None:
            yield _of(DELETED, entry)
        elif not entry.seals(self._keys, fact):
            yield _of(EDITED, entry)
        if entry.how == LATE or (entry.how == ADOPTED and entry.kind in self._chained):
            yield _of(INSERTED, entry)
        if entry.how != ADOPTED:
            self._chained.add(entry.kind)

    def _compare(self, entry: Entry) -> Iterator[Fault]:
        """Compare with the expected head, once it is reached."""
        head = self._given
        if head is None or entry.sequence < head.sequence:
            return
        self._given = None
        self.head_is_pruned = entry.sequence > head.sequence
        if entry.sequence == head.sequence and entry.digest != head.digest:
            yield _of(OTHER, entry)

    def _end(self, own: Head) -> Iterator[Fault]:
        last = max(own.sequence, self._given.sequence if self._given else 0)
        if last > self.head.sequence:
            yield Fault(CUT, self.head.sequence + 1, last)
        elif own != self.head:
            yield Fault(OTHER, self.head.sequence, self.head.sequence)


def _of(what: str, entry: Entry) -> Fault:
    return Fault(what, entry.first, entry.sequence, entry.kind, entry.row)

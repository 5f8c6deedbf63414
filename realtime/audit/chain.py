"""The chain of a tenant's ledger: keyed digests, each of a fact and of the digest before it.

An entry seals one fact: an access began or ended, or something was pushed. Nobody can make an entry
without the key, so an edit, a deletion, a move or an insertion breaks the chain where it was made.
What is pruned leaves a sealed tombstone in the place of its entries. No I/O.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

Fact = Mapping[str, Any]
"""What an entry seals: names with values that JSON can express."""

LARGEST: Final = 2**63 - 1
"""No sequence and no row's key is larger."""

DIGITS: Final = len(str(LARGEST))

EMPTY: Final = bytes(32)
"""Stands for the previous digest where there is no entry before."""

PRUNED: Final = "pruned"
"""The kind of a tombstone. `row` is the first sequence that it covers, `sequence` the last,
`digest` that of the last entry, and `seal` authenticates it."""

ADOPTED: Final = "adopted"
"""How an entry was made of a row that is older than the chain."""

LATE: Final = "late"
"""How an entry was made of a row that claims to be older than the chain's previous look."""


class UnknownKey(Exception):
    """An entry was sealed with a key that was not provided."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return (
            f"The ledger was sealed with the key {self.key!r}, which is not given: add it at the"
            " end of EARSHOT_LEDGER_KEYS."
        )


class InvalidHead(ValueError):
    """A text is not a valid head."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return (
            f"{self.text!r} is not a head: give a sequence, a colon and a digest, as export and"
            " verify print them."
        )


class Keys:
    """Keys from the newest, which seals, to the oldest; each has an id that does not reveal it."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self._ages = {name: age for age, name in enumerate(self._keys)}
        self.current = next(iter(self._keys))
        self.oldest = len(self._keys) - 1

    def age(self, key: str) -> int:
        """Return how many keys are newer than this one; raises UnknownKey."""
        if key not in self._keys:
            raise UnknownKey(key)
        return self._ages[key]

    def mac(self, key: str, what: Any) -> bytes:
        """Return the HMAC-SHA256 of the canonical form of `what`; raises UnknownKey."""
        self.age(key)
        return hmac.digest(self._keys[key], canonical(what), "sha256")


def key_id(key: bytes) -> str:
    """Return the id of a key; every entry contains the id of the key that sealed it."""
    return hmac.digest(key, b"earshot ledger key id", "sha256")[:4].hex()


def canonical(what: Any) -> bytes:
    """Return the canonical JSON of a value: ASCII, sorted names, no spaces."""
    return json.dumps(what, sort_keys=True, separators=(",", ":")).encode("ascii")


def digest_of_text(text: str) -> str:
    """Return the digest that stands for a text which the chain seals and does not show."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a tenant's chain: a copy kept elsewhere reveals a cut-off end."""

    sequence: int = 0
    digest: bytes = EMPTY

    def __str__(self) -> str:
        return f"{self.sequence}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Return the head that a text holds; raises InvalidHead."""
        sequence, _, digest = text.strip().partition(":")
        is_number = sequence.isascii() and sequence.isdigit() and len(sequence) < DIGITS
        if not (is_number and len(digest) == 2 * len(EMPTY)):
            raise InvalidHead(text)
        try:
            return cls(int(sequence), bytes.fromhex(digest))
        except ValueError:
            raise InvalidHead(text) from None


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: `row` is the key of the row whose fact `seal` covers; `digest` covers the whole
    entry and the digest before it."""

    tenant: int
    sequence: int
    at: str
    kind: str
    row: int
    how: str
    seal: bytes
    digest: bytes
    key: str

    @property
    def first(self) -> int:
        """Return the first sequence that it stands for."""
        return self.row if self.kind == PRUNED else self.sequence

    @property
    def head(self) -> Head:
        """Return this entry as the head of a chain."""
        return Head(self.sequence, self.digest)

    def seals(self, keys: Keys, fact: Fact) -> bool:
        """Return whether it seals this fact."""
        return hmac.compare_digest(self.seal, _seal(keys, self.key, self.kind, fact))

    def follows(self, keys: Keys, previous: bytes) -> bool:
        """Return whether it was made with the key, to follow this digest."""
        if self.kind == PRUNED:
            return hmac.compare_digest(self.seal, _grave(keys, self, previous))
        return hmac.compare_digest(self.digest, _link(keys, self, previous))


@dataclass(frozen=True, slots=True)
class Made:
    """A fact to be sealed: its kind, its row, and how it came into the chain."""

    kind: str
    row: int
    fact: Fact
    how: str = ""


def extend(keys: Keys, tenant: int, head: Head, at: str, made: Iterable[Made]) -> Iterator[Entry]:
    """Yield the entries that seal these facts, in this order, after the head."""
    for sequence, each in enumerate(made, head.sequence + 1):
        seal = _seal(keys, keys.current, each.kind, each.fact)
        bare = Entry(tenant, sequence, at, each.kind, each.row, each.how, seal, EMPTY, keys.current)
        entry = replace(bare, digest=_link(keys, bare, head.digest))
        head = entry.head
        yield entry


def bury(keys: Keys, gone: list[Entry], at: str, previous: bytes) -> Entry:
    """Return the tombstone of these consecutive entries, of which the first follows `previous`."""
    first, last = gone[0], gone[-1]
    bare = Entry(
        last.tenant, last.sequence, at, PRUNED, first.first, "", EMPTY, last.digest, keys.current
    )
    return replace(bare, seal=_grave(keys, bare, previous))


def _seal(keys: Keys, key: str, kind: str, fact: Fact) -> bytes:
    return keys.mac(key, {"kind": kind, "fact": fact})


def _link(keys: Keys, e: Entry, previous: bytes) -> bytes:
    link = ["entry", e.tenant, e.sequence, e.at, e.kind, e.row, e.how, e.seal.hex()]
    return keys.mac(e.key, [*link, previous.hex()])


def _grave(keys: Keys, e: Entry, previous: bytes) -> bytes:
    grave = ["tombstone", e.tenant, e.first, e.sequence, e.at, e.how, e.digest.hex()]
    return keys.mac(e.key, [*grave, previous.hex()])

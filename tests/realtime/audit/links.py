"""A chain without a database: entries with their facts, and what a verifier says of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from realtime.audit.chain import Entry, Fact, Head, Keys, Made, extend
from realtime.audit.verifying import Fault, Verifier

KEYS = Keys([b"the key of the deployment"])
AT = "2026-11-28T06:00:00.000000+00:00"

Links = list[tuple[Entry, dict[str, Any] | None]]


def fact(row: int) -> dict[str, Any]:
    return {"id": row, "tenant": 5, "user_id": 7, "began": "subscribed", "ended": None}


def links(count: int, keys: Keys = KEYS, head: Head | None = None) -> Links:
    """So many entries, of the rows 101, 102 and so on, after a head."""
    head = head or Head()
    rows = [100 + head.sequence + n for n in range(1, count + 1)]
    made = [Made("access", row, fact(row)) for row in rows]
    return [(e, fact(e.row)) for e in extend(keys, 5, head, AT, made)]


def end(chain: Links) -> Head:
    """The head that a chain has."""
    return chain[-1][0].head if chain else Head()


def faults(
    chain: Iterable[tuple[Entry, Fact | None]],
    own: Head,
    given: Head | None = None,
    keys: Keys = KEYS,
) -> list[Fault]:
    return list(Verifier(keys, given).all(chain, own))


def said(found: Iterable[Fault]) -> list[tuple[str, int, int]]:
    """What is at fault, and where in the chain."""
    return [(fault.what, fault.first, fault.last) for fault in found]

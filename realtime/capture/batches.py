"""Splits keys into batches: no statement has too many parameters, no transaction lasts long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

BATCH: Final = 500


def in_batches(keys: Iterable[int]) -> Iterator[list[int]]:
    """Yield the keys in ascending order, in lists of at most BATCH."""
    ordered = sorted(keys)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))

"""What is due: when each of many was looked at last. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, takewhile
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")


class Due(Generic[T]):
    """When each of many was looked at last; those of longest ago come first."""

    def __init__(self) -> None:
        self._at: dict[T, float] = {}

    def looked_at(self, some: Iterable[T], at: float) -> None:
        """These were looked at, at this time, no earlier than the others."""
        for one in some:
            self._at.pop(one, None)
            self._at[one] = at

    def forget(self, one: T) -> None:
        """It is gone."""
        self._at.pop(one, None)

    @property
    def oldest(self) -> float:
        """The time of the look that is longest ago; infinity if there was none."""
        return next(iter(self._at.values()), inf)

    def before(self, at: float, most: int) -> list[T]:
        """Those last looked at until then, the oldest first, at most so many."""
        due = takewhile(lambda item: item[1] <= at, self._at.items())
        return [one for one, _ in islice(due, most)]

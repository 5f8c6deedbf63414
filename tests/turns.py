"""Writes of random histories: half of them past Django, as another program does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from tests.realtime.capture.ways import Write, by_another_program, by_query_set


class Turns:
    """Whose turn it is: whoever has written less often. `past` until the tail was told."""

    all: ClassVar[Counter[str]] = Counter()
    """How often each has written, in all histories."""

    def __init__(self) -> None:
        self.past = False
        self._written: Counter[str] = Counter()

    def _count(self, who: str) -> None:
        self._written[who] += 1
        self.all[who] += 1

    def is_past(self) -> bool:
        """Whether it is the other program's turn."""
        return self._written["past"] <= self._written["django"]

    def orm(self: Any, work: Callable[[], Any]) -> Any:
        """Write through Django."""
        self._count("django")
        return self.do(work)

    def elsewhere(self: Any, *how: Write, commit: bool = True) -> None:
        """Write this in one transaction of another program, of which Django knows nothing."""
        self._count("past")
        self.do(lambda: by_another_program(*how, commit=commit))
        self.past = True

    def write(self, how: Write) -> None:
        """Write a row, whoever's turn it is."""
        self.by_turns(lambda: by_query_set(how), how)

    def by_turns(self, work: Callable[[], Any], *how: Write) -> None:
        """Write this, through Django by some work of its own."""
        if self.is_past():
            self.elsewhere(*how)
        else:
            self.orm(work)

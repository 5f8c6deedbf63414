"""A tenant's subscriptions in this process, found by what an access change touches. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from math import inf
from typing import TYPE_CHECKING, Any

from permissions.rendering import Ref
from realtime.subscriptions import Subscription

if TYPE_CHECKING:
    from permissions.accesslog import Touch


class Index:
    """Subscriptions that have not ended, by user and by object."""

    def __init__(self) -> None:
        self.all: set[Subscription] = set()
        self._by_user: dict[int, set[Subscription]] = {}
        self._by_ref: dict[Ref, set[Subscription]] = {}
        self._read_at: dict[Subscription, float] = {}  # those read longest ago come first

    def add(self, s: Subscription) -> None:
        """Take a subscription in."""
        self.all.add(s)
        self._by_user.setdefault(s.user_id, set()).add(s)
        self._by_ref.setdefault(s.ref, set()).add(s)

    def remove(self, s: Subscription) -> None:
        """Let a subscription go, if it is there."""
        if s in self.all:
            self.all.remove(s)
            _remove(self._by_user, s.user_id, s)
            _remove(self._by_ref, s.ref, s)
            self._read_at.pop(s, None)

    def read(self, subscriptions: Iterable[Subscription], at: float) -> None:
        """A round read these at this time, no earlier than what was read before."""
        for s in subscriptions:
            self._read_at.pop(s, None)
            if s in self.all:
                self._read_at[s] = at

    @property
    def oldest(self) -> float:
        """The time of the read that is longest ago; infinity if nothing was read."""
        return next(iter(self._read_at.values()), inf)

    def read_before(self, at: float, most: int) -> list[Subscription]:
        """Those whose last read was at this time or earlier, the oldest first, at most so many."""
        due = takewhile(lambda item: item[1] <= at, self._read_at.items())
        return [s for s, _ in islice(due, max(most, 0))]

    def of_ref(self, ref: Ref) -> Iterator[Subscription]:
        """Those of an object."""
        return iter(tuple(self._by_ref.get(ref, ())))

    def touched(self, touches: Iterable[Touch]) -> set[Subscription]:
        """Those whose audience an access change may have moved, pending ones included."""
        found: set[Subscription] = set()
        for touch in touches:
            found |= self._touched_by(touch)
        return found

    def _touched_by(self, touch: Touch) -> set[Subscription]:
        if touch.model is None or touch.object_id is None:
            return self.all if touch.user_id is None else self._by_user.get(touch.user_id, set())
        about = self._by_ref.get(Ref(touch.model, touch.object_id), set())
        if touch.user_id is None:
            return about
        return {s for s in about if s.user_id == touch.user_id}


def _remove(index: dict[Any, set[Subscription]], key: Any, s: Subscription) -> None:
    index[key].remove(s)
    if not index[key]:
        del index[key]

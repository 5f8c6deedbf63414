"""A tenant's subscriptions in this process, found by what an access change touches. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from permissions.representation import ObjectKey
from realtime.state.due import Due
from realtime.state.subscriptions import Subscription

if TYPE_CHECKING:
    from permissions.accesslog import Touch


class Index:
    """A tenant's subscriptions that have not ended, by user and by object; `due` is the hub's."""

    def __init__(self, due: Due[Subscription]) -> None:
        self.all: set[Subscription] = set()
        self._due = due
        self._by_user: dict[int, set[Subscription]] = {}
        self._by_key: dict[ObjectKey, set[Subscription]] = {}

    def add(self, s: Subscription) -> None:
        """Add a subscription."""
        self.all.add(s)
        self._by_user.setdefault(s.user_id, set()).add(s)
        self._by_key.setdefault(s.key, set()).add(s)

    def remove(self, s: Subscription) -> None:
        """Remove a subscription, if present."""
        if s in self.all:
            self.all.remove(s)
            _remove(self._by_user, s.user_id, s)
            _remove(self._by_key, s.key, s)
            self._due.forget(s)

    def read(self, subscriptions: Iterable[Subscription], at: float) -> None:
        """Record that a round read these at this time."""
        self._due.looked_at((s for s in subscriptions if s in self.all), at)

    def of_key(self, key: ObjectKey) -> Iterator[Subscription]:
        """Return the subscriptions of an object."""
        return iter(tuple(self._by_key.get(key, ())))

    def touched(self, touches: Iterable[Touch]) -> set[Subscription]:
        """Return those whose audience an access change may have moved, including pending ones."""
        found: set[Subscription] = set()
        for touch in touches:
            found |= self._touched_by(touch)
        return found

    def _touched_by(self, touch: Touch) -> set[Subscription]:
        if touch.model is None or touch.object_id is None:
            return self.all if touch.user_id is None else self._by_user.get(touch.user_id, set())
        about = self._by_key.get(ObjectKey(touch.model, touch.object_id), set())
        if touch.user_id is None:
            return about
        return {s for s in about if s.user_id == touch.user_id}


def _remove(index: dict[Any, set[Subscription]], key: Any, s: Subscription) -> None:
    index[key].remove(s)
    if not index[key]:
        del index[key]

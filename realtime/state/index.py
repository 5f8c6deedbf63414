"""A tenant's subscriptions in this process, found by what an access change touches. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from permissions.representation import ObjectKey
from realtime.state.due import Due
from realtime.state.sockets import Socket
from realtime.state.subscriptions import Subscription

if TYPE_CHECKING:
    from permissions.accesslog import Touch


class Index:
    """A tenant's subscriptions that have not ended, by object, and by their users' sockets.

    There are many for windows, so each is in one container here. `due` is the hub's: when those
    that clients asked for by id were read last; the others are read with their windows. `showing`
    are those that show a row which was written, while perhaps nobody has raised their version:
    their payloads may change without a new one.
    """

    def __init__(self, due: Due[Subscription]) -> None:
        self.showing: set[Subscription] = set()
        self._due = due
        self._by_key: dict[ObjectKey, dict[Subscription, None]] = {}
        self._sockets: dict[int, dict[Socket, int]] = {}  # of each user, with how many they have
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, s: Subscription) -> bool:
        return s in self._by_key.get(s.key, ())

    @property
    def all(self) -> set[Subscription]:
        """Return all of them, each time anew."""
        return {s for some in self._by_key.values() for s in some}

    def add(self, s: Subscription) -> None:
        """Add a subscription."""
        mine = self._by_key.setdefault(s.key, {})
        if s not in mine:
            mine[s] = None
            self._count += 1
            sockets = self._sockets.setdefault(s.user_id, {})
            sockets[s.socket] = sockets.get(s.socket, 0) + 1

    def new_rows(
        self, key: ObjectKey, sockets: Collection[Socket], id_of: Callable[[ObjectKey], str]
    ) -> list[Subscription]:
        """Add and return a new row of an object for windows of each of these sockets, which have
        none of it; those of an object have one key and one id."""
        if not sockets:  # perhaps nobody here knows the model
            return []
        mine = self._by_key.setdefault(key, {})
        other = next(iter(mine), None)
        key, id = (key, id_of(key)) if other is None else (other.key, other.id)
        rows = []
        for socket in sockets:
            s = socket.subscriptions[key] = Subscription(socket, key, id, single=False)
            mine[s] = None
            theirs = self._sockets.setdefault(socket.user_id, {})
            theirs[socket] = theirs.get(socket, 0) + 1
            rows.append(s)
        self._count += len(rows)
        return rows

    def remove(self, s: Subscription) -> None:
        """Remove a subscription, if present."""
        if s not in self:
            return
        mine = self._by_key[s.key]
        del mine[s]
        if not mine:
            del self._by_key[s.key]
        self._count -= 1
        sockets = self._sockets[s.user_id]
        sockets[s.socket] -= 1
        if not sockets[s.socket]:
            del sockets[s.socket]
        if not sockets:
            del self._sockets[s.user_id]
        self._due.forget(s)
        self.showing.discard(s)

    def read(self, subscriptions: Iterable[Subscription], at: float) -> None:
        """Record that a round read these at this time."""
        single = []
        for s in subscriptions:
            if s.asked is None:
                self._due.forget(s)
            elif s in self:
                single.append(s)
        self._due.looked_at(single, at)

    def of_key(self, key: ObjectKey) -> Iterator[Subscription]:
        """Return the subscriptions of an object."""
        return iter(tuple(self._by_key.get(key, ())))

    def fresh(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Return those of these objects of which nobody here was sent or read anything yet."""
        return {key for key in keys if not any(s.is_known for s in self._by_key.get(key, ()))}

    def touched(self, touches: Iterable[Touch]) -> set[Subscription]:
        """Return those whose audience an access change may have moved, including pending ones."""
        found: set[Subscription] = set()
        for touch in touches:
            found.update(self._touched_by(touch))
        return found

    def _touched_by(self, touch: Touch) -> Iterable[Subscription]:
        if touch.model is None or touch.object_id is None:
            return self.all if touch.user_id is None else self._of_user(touch.user_id)
        about = self._by_key.get(ObjectKey(touch.model, touch.object_id), ())
        if touch.user_id is None:
            return about
        return [s for s in about if s.user_id == touch.user_id]

    def _of_user(self, user_id: int) -> Iterator[Subscription]:
        for socket in self._sockets.get(user_id, ()):
            yield from (s for s in socket.subscriptions.values() if s in self)

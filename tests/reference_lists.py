"""The reference model's windows: what their client may be told, and has at rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.reference import Key, Reader, Reference, View, Violation

Where = tuple[str, ...]
"""The statuses by which a window filters; none: no filter."""


@dataclass
class List:
    """A window as its client knows it; `told` says that it has been answered.

    `cursor` stands for `after`, and `listed` is what the list GET answered last."""

    model: str
    where: Where
    limit: int
    after: int | None
    rows: list[Key] = field(default_factory=list)
    more: bool = False
    told: bool = False
    cursor: str | None = None
    listed: list[tuple[Key, View]] | None = None

    def matches(self, view: View | None) -> bool:
        """Whether an object that is seen so is in the list."""
        return view is not None and (not self.where or view[1].get("status") in self.where)


def listed(reference: Reference, user: str, window: List) -> list[tuple[Key, View]]:
    """All that the window's list has now, newest first."""
    found = []
    for key in sorted(reference.things, key=lambda k: reference.things[k].number, reverse=True):
        view, number = reference.view(user, key), reference.things[key].number
        below = window.after is None or number < window.after
        if key[0] == window.model and below and view is not None and window.matches(view):
            found.append((key, view))
    return found


class ListReader(Reader):
    """A socket with windows beside single subscriptions: `singles` are held by their ids."""

    def __init__(self, reference: Reference, user: str) -> None:
        super().__init__(reference, user)
        self.lists: dict[str, List] = {}
        self.singles: set[Key] = set()
        self._opening: dict[int, str] = {}
        self._closing: dict[int, str] = {}

    def open(self, name: str, ref: int, window: List) -> None:
        """The client opens a window, perhaps in another's place; what enters is not older."""
        if name in self.lists:
            self._opening = {r: n for r, n in self._opening.items() if n != name}
            self._drop(name)
        if not self.lists:
            for (user, key), states in self.reference.seen.items():
                if user == self.user and key not in self.copies and key not in self.unanswered:
                    self._position[key] = len(states) - 1
        self.lists[name], self._opening[ref] = window, name

    def subscribe(self, key: Key, ref: int) -> None:
        """A window may be about to show it, and in the state of before the question."""
        if self.lists:
            self._asked[ref] = key
        else:
            super().subscribe(key, ref)

    def shut(self, name: str, ref: int) -> None:
        """The client closes a window."""
        self._closing[ref] = name

    @property
    def unanswered(self) -> list[Any]:
        """What the client asked for and has not heard of."""
        return [*super().unanswered, *self._opening.values(), *self._closing.values()]

    def verify_current(self) -> None:
        """Each window is the beginning of its list as well."""
        super().verify_current()
        for name, window in self.lists.items():
            keys = [key for key, _ in listed(self.reference, self.user, window)]
            rows, limit = window.rows, window.limit
            least = min(len(keys), (limit + 1) // 2)
            if rows != keys[: len(rows)] or not least <= len(rows) <= limit:
                raise Violation(f"{name} of {self.user} ({window}) has {rows}, not {keys}")
            if len(rows) < len(keys) and not window.more:
                raise Violation(f"{name} of {self.user} ({window}) says that there is no more")
        if stray := self.copies.keys() - {k for k in self.copies if self._holds(k)}:
            raise Violation(f"{self.user} holds {stray} for nobody")

    def receive(self, frame: dict[str, Any]) -> None:
        """Hold one frame against what this user could see, and keep it as a client does."""
        name = frame.get("window")
        if name is None:
            super().receive(frame)
            return
        if self.closed:
            raise Violation(f"{self.user} received {frame} after the close")
        kinds = {
            "ENTERED": self._entered,
            "LEFT": self._has_left,
            "SUBSCRIBED": self._complete,
            "MORE": self._complete,
            "UNSUBSCRIBED": self._shut,
        }
        if (handle := kinds.get(frame["type"])) is None:
            raise Violation(f"{self.user} was refused a window: {frame}")
        handle(frame, name)

    def _window(self, frame: dict[str, Any], name: str) -> List:
        window = self.lists.get(name)
        if window is None or window.model != frame["model"]:
            raise Violation(f"{self.user} has no such window: {frame}")
        return window

    def _complete(self, frame: dict[str, Any], name: str) -> None:
        window = self._window(frame, name)
        if frame["type"] == "SUBSCRIBED":
            if self._opening.pop(frame["ref"], None) != name:
                raise Violation(f"{self.user} did not ask for {frame}")
            window.told = True
        elif not window.told:
            raise Violation(f"{self.user} heard more before the answer: {frame}")
        window.more = frame["more"]
        if (frame["cursor"] is None) is window.more and window.rows:
            raise Violation(f"{self.user} has no cursor where there is more: {frame}")

    def _shut(self, frame: dict[str, Any], name: str) -> None:
        if self._closing.pop(frame["ref"], None) != name:
            raise Violation(f"{self.user} did not ask for {frame}")
        if name in self.lists:
            self._opening = {r: n for r, n in self._opening.items() if n != name}
            self._drop(name)

    def _drop(self, name: str) -> None:
        for key in self.lists.pop(name).rows:
            self._forget(key)

    def _entered(self, frame: dict[str, Any], name: str) -> None:
        window, key = self._window(frame, name), (frame["model"], frame["id"])
        if key in window.rows:
            raise Violation(f"{self.user} is told twice: {frame}")
        self._take(key, frame["audience"], frame["etag"], frame.get("payload"))
        if not window.matches(self.copies[key]):
            raise Violation(f"{self.user} is told of what does not match {window}: {frame}")
        above = frame["before"]
        rows = window.rows
        rows.insert(len(rows) if above is None else rows.index((key[0], above)), key)
        numbers = [self.reference.numbers[row] for row in rows]
        below = window.after is None or max(numbers) < window.after
        if numbers != sorted(numbers, reverse=True) or not below:
            raise Violation(f"{self.user} is told of the wrong place in {window}: {frame}")

    def _has_left(self, frame: dict[str, Any], name: str) -> None:
        window, key = self._window(frame, name), (frame["model"], frame["id"])
        if key not in window.rows:
            raise Violation(f"{self.user} does not have what leaves {window}: {frame}")
        position = self._position.get(key, 0)
        states = self.reference.seen[self.user, key]
        out = (n for n in range(position, len(states)) if not window.matches(states[n]))
        first = next(out, None)
        if first is not None:
            self._position[key] = first
        elif len(self.reference.numbers) <= window.limit:
            raise Violation(f"{self.user} lost what always matched {window}: {frame}")
        window.rows.remove(key)
        self._forget(key)

    def _holds(self, key: Key) -> bool:
        return key in self.singles or any(key in w.rows for w in self.lists.values())

    def _forget(self, key: Key) -> None:
        if not self._holds(key):
            self.copies.pop(key, None)

    # Of what is asked for by id, beside windows.

    def _subscribed(self, frame: dict[str, Any], key: Key) -> None:
        super()._subscribed(frame, key)
        self.singles.add(key)

    def _deleted(self, frame: dict[str, Any], key: Key) -> None:
        if key not in self.singles:
            raise Violation(f"{self.user} did not ask for it by its id: {frame}")
        super()._deleted(frame, key)
        self.singles.discard(key)

    def _refused(self, frame: dict[str, Any], key: Key) -> None:
        super()._refused(frame, key)
        self.copies.pop(key, None)  # it leaves its windows next

    def _unsubscribed(self, frame: dict[str, Any], key: Key) -> None:
        copy = self.copies.get(key)
        super()._unsubscribed(frame, key)
        self.singles.discard(key)
        if copy is not None and self._holds(key):
            self.copies[key] = copy

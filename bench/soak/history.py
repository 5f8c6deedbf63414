"""What the soak did and received, with times of one clock. No I/O, no Django."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

Key = tuple[str, ...]


class Step(NamedTuple):
    """A fact became this value, by a commit somewhere between `began` and `ended`."""

    began: float
    ended: float
    value: str | None


class Timeline:
    """The values of one fact in the order of their commits."""

    def __init__(self, first: str | None = None) -> None:
        self.steps = [Step(-inf, -inf, first)]

    def add(self, began: float, ended: float, value: str | None) -> None:
        """The fact became this; steps of one fact are added in the order of their commits."""
        self.steps.append(Step(began, ended, value))

    @property
    def last(self) -> str | None:
        """The newest value."""
        return self.steps[-1].value

    def possible(self, at: float) -> set[str | None]:
        """Every value that may have been in force at this moment."""
        found: set[str | None] = set()
        for step in reversed(self.steps):
            if step.began <= at:
                found.add(step.value)
                if step.ended <= at:
                    break
        return found


class Value(NamedTuple):
    """A canary: which field of which object it was in, and the longest time that it was stored.

    `written` is when its write had certainly committed.
    """

    thing: str
    field: str
    began: float
    written: float
    ended: float = inf


class Receipt(NamedTuple):
    """One frame about an object as it came: whose socket, by which token, which canaries.

    `pushed` is whether it told of a change, and not what the socket asked for.
    """

    at: float
    user: str
    token: str
    socket: int
    thing: str
    canaries: tuple[int, ...]
    size: int
    pushed: bool = True


@dataclass(slots=True)
class Span:
    """A socket's subscription in one audience; `told` says whether its end was sent or cut."""

    user: str
    thing: str
    audience: str
    began: float
    ended: float = inf
    told: bool = False


@dataclass(slots=True)
class Window:
    """A fault, from its beginning until all had converged again."""

    name: str
    began: float
    ended: float = inf


class Failure(NamedTuple):
    """An error that a writer saw, and when they had begun."""

    began: float
    ended: float
    what: str


@dataclass
class History:
    """All of it. `fields` says which canaried fields an audience shows.

    `disobeyed` are frames of which a client could not do what docs/protocol.md says.

    Facts: `("member", user)` is their role, `("own", user, thing)` the audience that they hold
    themselves, `("role", role, thing)` what a role holds, `("team", user)` whether they are in
    it, `("team", object)` what the team holds, `("token", id)` whether it is good. `tenants` has
    the tenant of each user and thing.
    """

    fields: Mapping[str, frozenset[str]]
    facts: defaultdict[Key, Timeline] = field(default_factory=lambda: defaultdict(Timeline))
    tenants: dict[str, str] = field(default_factory=dict)
    values: dict[int, Value] = field(default_factory=dict)
    newest: dict[tuple[str, str], int] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    disobeyed: list[str] = field(default_factory=list)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def wrote(self, number: int, thing: str, field: str, began: float, ended: float) -> None:
        """A canary was written, and ended the one that was there."""
        before = self.newest.get((thing, field))
        if before is not None:
            self.values[before] = self.values[before]._replace(ended=ended)
        self.values[number] = Value(thing, field, began, ended)
        self.newest[thing, field] = number

    def fault_at(self, began: float, ended: float) -> str | None:
        """The name of the first fault that overlaps this time."""
        for window in self.windows:
            if began <= window.ended and ended >= window.began:
                return window.name
        return None

    def audiences(self, user: str, thing: str, at: float) -> set[str | None]:
        """Every audience, the first of those held, in which the user may have been at this moment.

        The declared order is that of `fields`.
        """
        return {
            self._first(own, team if in_team else None, by_role) if role else None
            for role in self.facts["member", user].possible(at)
            for own in self.facts["own", user, thing].possible(at)
            for in_team in self.facts["team", user].possible(at)
            for team in self.facts["team", thing].possible(at)
            for by_role in self.facts["role", role or "", thing].possible(at)
        }

    def _first(self, *held: str | None) -> str | None:
        return next((name for name in self.fields if name in held), None)

    def bearing(self, user: str, thing: str) -> list[Timeline]:
        """The facts on which the user's audience of the object depends."""
        keys: list[Key] = [
            ("member", user),
            ("own", user, thing),
            ("team", user),
            ("team", thing),
        ]
        keys += [("role", role, thing) for role in ("member", "admin")]
        return [self.facts[key] for key in keys]

    def count(self, what: str, by: int = 1) -> None:
        """Count something for the table."""
        self.counts[what] += by

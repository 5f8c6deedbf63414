"""What a change would give and take: who would be in another audience of what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from permissions.audiences import Audience, Resource, registry
from permissions.review.difference import Difference
from permissions.review.facts import question
from permissions.review.hypotheses import Hypothesis
from permissions.snapshot import in_snapshot
from tenants.keys import Key

LISTED: Final = 20
"""How many of a resource's users and objects are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Move:
    """From one audience to another; None means none."""

    before: Audience | None
    later: Audience | None

    @property
    def gained(self) -> tuple[str, ...]:
        """Return the fields that would be shown and are not shown now."""
        return _beyond(self.later, self.before)

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the fields that are shown now and would not be shown."""
        return _beyond(self.before, self.later)


def _beyond(one: Audience | None, other: Audience | None) -> tuple[str, ...]:
    known = other.fields if other else ()
    return tuple(name for name in (one.fields if one else ()) if name not in known)


@dataclass(frozen=True, slots=True)
class Count:
    """How often a user would move from one audience of an object to another."""

    move: Move
    pairs: int
    users: int
    objects: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A user who would move, and the object."""

    move: Move
    user_id: Key
    pk: Key


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the change would do to one resource: counts by move and in all, and a partial list.

    `watching` of its users have a live list of the model open now, and would be told at once.
    """

    resource: Resource
    counts: tuple[Count, ...]
    pairs: int
    users: int
    objects: int
    listed: tuple[Moved, ...]
    watching: int = 0


def predict(
    tenant_id: int,
    what: Hypothesis,
    *,
    listed: int = LISTED,
    resources: Iterable[Resource] = registry,
) -> list[Prediction]:
    """Return what the change would do in the tenant, by resource, all from one snapshot.

    Writes nothing. Takes one statement for each resource that the change concerns.
    """
    chosen = sorted(resources, key=lambda resource: resource.label)
    return in_snapshot(lambda _: _predict(tenant_id, what, listed, chosen))


def _predict(
    tenant_id: int, what: Hypothesis, listed: int, resources: Iterable[Resource]
) -> list[Prediction]:
    asked = ((each, question(each, tenant_id, what, connection)) for each in resources)
    return [
        _prediction(each, Difference(each, tenant_id, connection).run(about, listed))
        for each, about in asked
        if about is not None
    ]


def _prediction(resource: Resource, rows: Iterable[tuple[Any, ...]]) -> Prediction:
    counts, moved, total, watching = [], [], (0, 0, 0), 0
    for kind, before, later, pairs, users, user_id, objects, pk in rows:
        move = Move(_audience(resource, before), _audience(resource, later))
        if kind == "all":
            total = (pairs, users, objects)
        elif kind == "lists":
            watching = users
        elif kind == "moves":
            counts.append(((_place(before), _place(later)), Count(move, pairs, users, objects)))
        else:
            moved.append(Moved(move, user_id, pk))
    moved.sort(key=lambda each: (each.user_id, each.pk))
    counts.sort(key=lambda each: each[0])
    by_place = tuple(count for _, count in counts)
    return Prediction(resource, by_place, *total, tuple(moved), watching)


def _audience(resource: Resource, rank: int | None) -> Audience | None:
    return None if rank is None else resource.audiences[rank]


def _place(rank: int | None) -> int:
    return -1 if rank is None else rank

"""A prediction in plain words for a terminal, and as JSON: names of fields, and no values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from permissions.audiences import Audience
from permissions.review.predicting import Moved, Prediction
from permissions.review.showing import table
from tenants import opaque
from tenants.users import User


def lines(found: Iterable[Prediction], names: Mapping[int, str]) -> Iterator[str]:
    """Yield the prediction in plain words; `names` are those of the listed users."""
    changed = [each for each in found if each.pairs]
    if not changed:
        yield "Nobody would see more or less."
        return
    for number, each in enumerate(changed):
        if number:
            yield ""
        yield from _lines(each, names)


def _lines(found: Prediction, names: Mapping[int, str]) -> Iterator[str]:
    yield (
        f"{found.resource.label}: {_number(found.users, 'user')} would see"
        f" {_number(found.objects, 'object')} differently."
    )
    yield ""
    for count in found.counts:
        yield (
            f"  {_name(count.move.before)} -> {_name(count.move.later)}:"
            f" {_number(count.users, 'user')}, {_number(count.objects, 'object')}"
            f" ({_number(count.pairs, 'pair')})"
        )
        if count.move.gained:
            yield f"    more: {', '.join(count.move.gained)}"
        if count.move.lost:
            yield f"    less: {', '.join(count.move.lost)}"
    if found.watching:
        people = _number(found.watching, "user")
        yield f"  {people} of them with a live list of it open now would be told at once."
    yield ""
    rows = [
        (names.get(m.user_id, "-"), _id(found, m), _name(m.move.before), _name(m.move.later))
        for m in found.listed
    ]
    yield from table(("user", "object", "now", "then"), rows)
    if found.pairs > len(found.listed):
        yield f"  and {found.pairs - len(found.listed)} more"


def as_json(
    found: Iterable[Prediction], user: Callable[[int], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the prediction by model; `user` says how a user is named in addition to their id."""
    return [
        {
            "model": each.resource.label,
            "users": each.users,
            "objects": each.objects,
            "pairs": each.pairs,
            "watching": each.watching,
            "moves": [
                {
                    "before": count.move.before and count.move.before.name,
                    "after": count.move.later and count.move.later.name,
                    "users": count.users,
                    "objects": count.objects,
                    "pairs": count.pairs,
                    "gained": list(count.move.gained),
                    "lost": list(count.move.lost),
                }
                for count in each.counts
            ],
            "listed": [
                {
                    "user": opaque.encode(User, moved.user_id),
                    **user(moved.user_id),
                    "id": _id(each, moved),
                    "before": moved.move.before and moved.move.before.name,
                    "after": moved.move.later and moved.move.later.name,
                }
                for moved in each.listed
            ],
        }
        for each in found
    ]


def _id(found: Prediction, moved: Moved) -> str:
    return opaque.encode(found.resource.model, moved.pk)


def _name(audience: Audience | None) -> str:
    return audience.name if audience else "nothing"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

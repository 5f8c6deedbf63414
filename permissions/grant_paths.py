"""The path by which somebody got their audience, beside the decision that it explains."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from permissions import decision, stored
from permissions.audiences import Audience, Resource
from permissions.subjects import UNNAMED, Subject


@dataclass(frozen=True, slots=True)
class Effective:
    """The audience in which somebody ends up, and the subject that gives it to them."""

    audience: Audience
    path: Subject


def effective(resource: Resource, obj: Any, user_ids: Collection[int]) -> dict[int, Effective]:
    """Return the users who have an audience of the object, with it and its path; one query.

    Their own grant precedes their role's, and that precedes other groups'.
    """
    answer = decision.ask(
        resource, stored.tenant_of(obj), [(user_id, obj.pk) for user_id in user_ids]
    )
    found = {}
    for user_id in user_ids:
        audience = answer.audience(user_id, obj.pk)
        if audience is not None:
            ways = answer.ways(user_id, obj.pk)
            way = min(way for way, name in ways if name == audience.permission)
            found[user_id] = Effective(audience, _subject(way, user_id, answer.roles[user_id]))
    return found


def _subject(way: int, user_id: int, role: str) -> Subject:
    if way == decision.OWN:
        return Subject(user_id=user_id)
    return Subject(role=role) if way == decision.BY_ROLE else UNNAMED

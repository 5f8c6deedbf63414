"""By which grant somebody is in their audience: the path, beside the decision that it explains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from permissions import decision
from permissions.audiences import Audience, Resource
from permissions.grants import Subject
from tenants.models import Role
from tenants.roles import group_name

UNNAMED = Subject()
"""A group that is no role of the tenant: only the operator gives and sees those."""


@dataclass(frozen=True, slots=True)
class Effective:
    """The audience that somebody ends up in, and the subject whose grant gives it."""

    audience: Audience
    path: Subject


def effective(resource: Resource, obj: Any, user_ids: Collection[int]) -> dict[int, Effective]:
    """The users who have an audience of the object, with it and its path; a constant number of
    queries. Their own grant goes before their role's, and that before another group's."""
    pairs = [(user_id, obj.pk) for user_id in user_ids]
    decided = decision.audiences(resource, obj.tenant_id, pairs)
    ways = _ways(resource, obj, user_ids)
    return {
        user_id: Effective(audience, ways[user_id, audience.permission][0])
        for (user_id, _), audience in decided.items()
        if audience is not None
    }


def _ways(
    resource: Resource, obj: Any, user_ids: Collection[int]
) -> dict[tuple[int, str], list[Subject]]:
    """For each user and permission that they hold on the object, the subjects that give it."""
    roles = {group_name(obj.tenant_id, role): Subject(role=role) for role in Role.values}
    ways: defaultdict[tuple[int, str], list[Subject]] = defaultdict(list)
    user_table: Any = resource.user_grants
    group_table: Any = resource.group_grants
    own = user_table.objects.filter(content_object=obj, user__in=user_ids)
    for user_id, codename in own.values_list("user_id", "permission__codename"):
        ways[user_id, codename].append(Subject(user_id=user_id))
    groups = group_table.objects.filter(content_object=obj, group__user__in=user_ids)
    found: list[Any] = list(
        groups.values_list("group__user", "permission__codename", "group__name")
    )
    for user_id, codename, name in sorted(found, key=lambda row: row[2] not in roles):
        ways[user_id, codename].append(roles.get(name, UNNAMED))
    return ways

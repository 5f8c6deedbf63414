"""A Django group for each tenant and role, so that permissions can be granted to a role."""

from collections import defaultdict
from collections.abc import Iterable

from django.contrib.auth.models import Group

from tenants.models import Membership, Role


def group_name(tenant_id: int, role: str) -> str:
    return f"tenant:{tenant_id}:{role}"


def role_group(tenant_id: int, role: str) -> Group:
    """The group of everybody who actively has exactly this role in the tenant."""
    return Group.objects.get_or_create(name=group_name(tenant_id, role))[0]


def keep_in_step(pairs: Iterable[tuple[int, int]]) -> None:
    """Put each (tenant id, user id) into the group of its present role, and out of the others."""
    users_of: dict[int, set[int]] = defaultdict(set)
    for tenant_id, user_id in pairs:
        users_of[tenant_id].add(user_id)
    for tenant_id, users in sorted(users_of.items()):
        active = Membership.objects.filter(tenant_id=tenant_id, user_id__in=users, is_active=True)
        roles = dict(active.values_list("user_id", "role"))
        for role in Role.values:
            _fill(role_group(tenant_id, role), users, {u for u in users if roles.get(u) == role})


def drop_groups(tenant_ids: Iterable[int]) -> None:
    """Delete the groups of tenants that are gone."""
    names = [group_name(tenant_id, role) for tenant_id in tenant_ids for role in Role.values]
    Group.objects.filter(name__in=names).delete()


def _fill(group: Group, users: set[int], wanted: set[int]) -> None:
    present = set(group.user_set.filter(pk__in=users).values_list("pk", flat=True))
    group.user_set.remove(*present - wanted)
    group.user_set.add(*wanted - present)

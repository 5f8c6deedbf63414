"""A named Django group for each tenant and role, which stores the grants to the role."""

from collections.abc import Iterable

from django.contrib.auth.models import Group

from tenants.models import Role


def group_name(tenant_id: int, role: str) -> str:
    return f"tenant:{tenant_id}:{role}"


def role_group(tenant_id: int, role: str) -> Group:
    """Return the group that holds what is granted to the role, made when first asked for.

    Nobody is put into it: memberships alone say who has the role.
    """
    return Group.objects.get_or_create(name=group_name(tenant_id, role))[0]


def drop_groups(tenant_ids: Iterable[int]) -> None:
    """Delete the groups of tenants that are gone."""
    names = [group_name(tenant_id, role) for tenant_id in tenant_ids for role in Role.values]
    Group.objects.filter(name__in=names).delete()

"""Members who change their own role gain what was granted to that role, including by themselves."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import exceptions

from permissions import ceiling, stored
from permissions.audiences import Resource, registry
from permissions.ceiling import AboveCeiling, Actor, Key
from permissions.grant_tables import KEY, GrantTable
from permissions.subjects import Subject
from tenants.models import Membership
from tenants.roles import group_name


class OwnGifts(exceptions.PermissionDenied):
    """Somebody would take a role that they granted more than they may grant themselves."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(
            f"You granted the role {role!r} more than you may see. Remove those grants first, or"
            " ask another admin to change your role."
        )


def on_role_changing(membership: Membership, by: int, **_: Any) -> None:
    """Raise OwnGifts if taking the role would give oneself more than one's ceiling.

    Grants that others made to the role come with it, and another admin who changes the role is
    responsible for that.
    """
    if membership.user_id != by:
        return
    for resource in registry:
        try:
            ceiling.check(resource, _gifts(resource, membership, by), Actor(by))
        except AboveCeiling as above:
            raise OwnGifts(membership.role) from above


def _gifts(resource: Resource, membership: Membership, by: int) -> list[ceiling.Gift]:
    """Return what this user granted to the membership's role, as if granted to themselves."""
    audiences = {audience.permission: audience for audience in resource.audiences}
    return [
        (Key(pk, membership.tenant_id), Subject(user_id=by), audiences[codename])
        for table in resource.group_tables
        for pk, codename in _rows(table, resource, membership, by).values_list(
            KEY, "permission__codename"
        )
    ]


def _rows(table: GrantTable, resource: Resource, membership: Membership, by: int) -> QuerySet[Any]:
    """Return the rows of the role that they granted; where none says who did, all that there are:
    it may have been they."""
    whose = {"granted_by": by} if table.is_attributed else {}
    rows = table.rows(resource.permissions).filter(
        group__name=group_name(membership.tenant_id, membership.role), **whose
    )
    return table.on(stored.in_tenant(table.target, membership.tenant_id), rows)

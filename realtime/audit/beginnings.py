"""Since when somebody holds what they hold now: the open intervals, as the review asks for them."""

from __future__ import annotations

from typing import Any

from permissions import decision
from permissions.audiences import Resource
from permissions.links import links
from permissions.review.beginnings import Beginning
from permissions.review.holding import Way
from realtime.capture import intervals
from realtime.capture.interval_models import Belongs, Held, principal_of
from tenants.keys import Key


def beginning(
    resource: Resource, tenant_id: int, user_id: int, pk: Key, way: Way
) -> Beginning | None:
    """When the later of the two began: that the principal holds it, that the user is of them."""
    if way.rows:
        return _of_rows(resource, tenant_id, user_id, pk, way)
    principal = _principal(user_id, way)
    everywhere = way.default and not way.field
    held = Held.objects.filter(
        model=resource.label,
        object_id=None if everywhere else pk,
        tenant=None if everywhere else tenant_id,
        source=_source(resource, way),
        permission=way.permission,
        principal=principal,
        ended_at=None,
    ).first()
    if held is None:
        return None
    if way.kind == decision.OWN:
        return _told(held, held)
    belongs = Belongs.objects.filter(
        user_id=user_id,
        tenant=tenant_id if way.kind == decision.BY_ROLE else None,
        principal=principal,
        ended_at=None,
    ).first()
    if belongs is None:
        return None
    return _told(held if held.began_at >= belongs.began_at else belongs, held)


def _of_rows(
    resource: Resource, tenant_id: int, user_id: int, pk: Key, way: Way
) -> Beginning | None:
    """The same of the project's own rows: the earliest of those that name the user, or what they
    have in common with the object."""
    joined = {row.principal: row for row in Belongs.objects.filter(user_id=user_id, ended_at=None)}
    rows = Held.objects.filter(
        model=resource.label, object_id=pk, tenant=tenant_id, source=way.rows,
        permission=way.permission, principal__in=[principal_of(user_id), *joined], ended_at=None,
    )  # fmt: skip
    found = []
    for held in rows:
        belongs = joined.get(held.principal, held)
        found.append(_told(held if held.began_at >= belongs.began_at else belongs, held))
    return min(found, key=lambda each: each.at, default=None)


def _principal(user_id: int, way: Way) -> str:
    """By which name the intervals know who holds it."""
    if way.kind == decision.OWN:
        return principal_of(user_id)
    return f"role:{way.subject.role}" if way.kind == decision.BY_ROLE else f"group:{way.group_id}"


def _source(resource: Resource, way: Way) -> str:
    """Of which table, or column of it, the interval comes."""
    if way.table:
        tables = {table.model._meta.label_lower: table for table in resource.grant_tables}
        return tables[way.table].source
    if not way.field:
        return intervals.ROLE
    if way.field in resource.linked:
        [table] = [link.table for link in links(resource) if link.field == way.field]
        return intervals.source_of(table, way.field)
    meta: Any = resource.model._meta
    return intervals.source_of(meta.db_table, meta.get_field(way.field).column)


def _told(later: Held | Belongs, held: Held) -> Beginning:
    return Beginning(later.began_at, later.began == intervals.BEFORE, held.given_by)

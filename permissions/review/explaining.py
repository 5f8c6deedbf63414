"""Why somebody is in their audience of an object, or in none: the decision, step by step.

The decision itself is made by `permissions.decision`; this module puts it into words, and looks up
the rows behind it in the same snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from permissions import decision, stored
from permissions.audiences import Audience, Resource
from permissions.decision import Answer
from permissions.grant_tables import GrantTable
from permissions.links import users_of
from permissions.loading import values
from permissions.read import read_within
from permissions.representation import ObjectKey, Representation
from permissions.review.beginnings import Beginning, beginning
from permissions.review.holding import Facts, Way, changes, obstacles, ways, why_not
from permissions.row_statements import given
from permissions.rows import listed
from permissions.snapshot import in_snapshot
from permissions.subjects import UNNAMED, Subject
from tenants import users
from tenants.keys import Key
from tenants.models import Membership, Role, Tenant
from tenants.roles import group_name
from tenants.users import User


@dataclass(frozen=True, slots=True)
class Tried:
    """An audience that comes before the user's own, and why they are not in it."""

    audience: Audience
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a user is shown of an object, how they hold that, and why nothing else."""

    resource: Resource
    pk: Key
    user_id: int
    audience: Audience | None
    way: Way | None
    beginning: Beginning | None
    """Since when the way is theirs; None if that is not recorded."""

    tried: tuple[Tried, ...]
    obstacles: tuple[str, ...]
    changes: tuple[str, ...]
    seen: Representation | None
    """What the user's socket would be sent now."""

    by_reader: Representation | None
    """What the person asking would be sent; they are told no other values."""


def explain(
    resource: Resource, tenant: Tenant, user: User, pk: Key, *, reader_id: int | None = None
) -> Explanation | None:
    """Explain what the user sees of the tenant's object; None if it does not exist."""
    return in_snapshot(
        lambda guarded: _explain(resource, tenant, user, pk, reader_id or user.pk, guarded)
    )


def _explain(
    resource: Resource, tenant: Tenant, user: User, pk: Key, reader_id: int, guarded: bool
) -> Explanation | None:
    rows = stored.within(resource, tenant.pk).filter(pk=pk)
    row = values(rows, ("pk", *resource.named, *resource.visible_by))
    if row is None:
        return None
    linked = users_of(resource, pk).items()
    row |= {field: user.pk if user.pk in users else None for field, users in linked}
    answer = decision.ask(resource, tenant.pk, [(user.pk, pk)])
    facts = _facts(resource, tenant, user, row)
    audience = answer.audience(user.pk, pk)
    way = None if audience is None else _way(audience, answer, facts)
    place = len(resource.audiences) if audience is None else resource.audiences.index(audience)
    key = ObjectKey(resource.label, pk)
    pairs = {(who, key) for who in (user.pk, reader_id)}
    seen = read_within(tenant.pk, pairs, guarded=guarded).seen
    return Explanation(
        resource=resource,
        pk=pk,
        user_id=user.pk,
        audience=audience,
        way=way,
        beginning=None if way is None else _beginning(facts, tenant.pk, way),
        tried=tuple(Tried(a, why_not(a, facts)) for a in resource.audiences[:place]),
        obstacles=tuple(obstacles(facts)),
        changes=() if audience else tuple(changes(facts)),
        seen=seen[user.pk, key],
        by_reader=seen[reader_id, key],
    )


def _way(audience: Audience, answer: Answer, facts: Facts) -> Way:
    """Return the first way to this audience, in the order in which the list of grants tells it."""
    kinds = {
        kind for kind, name in answer.ways(facts.user_id, facts.pk) if name == audience.permission
    }
    found = [way for way in ways(audience, facts) if way.kind in kinds]
    return min(found, key=lambda way: way.kind)


def _beginning(facts: Facts, tenant_id: int, way: Way) -> Beginning | None:
    """Since when the way is theirs: a user's own grant may say it where the record does not."""
    found = beginning(facts.resource, tenant_id, facts.user_id, facts.pk, way)
    is_unknown = found is None or found.before
    if is_unknown and way.kind == decision.OWN and way.granted_at is not None:
        return Beginning(way.granted_at, before=False, given_by=way.granted_by)
    return found


def _facts(resource: Resource, tenant: Tenant, user: User, row: dict[str, Any]) -> Facts:
    """Return what the words need besides the decision, in a constant number of queries."""
    member = Membership.objects.filter(tenant=tenant.pk, user=user.pk).first()
    return Facts(
        resource=resource,
        pk=row["pk"],
        user_id=user.pk,
        user_is_active=user.is_active,
        tenant_is_active=Tenant.objects.filter(pk=tenant.pk, is_active=True).exists(),
        state=None if member is None else member.state,
        role=None if member is None else member.role,
        row=row,
        grants=tuple(_grants(resource, tenant, user, row["pk"])),
    )


def _grants(resource: Resource, tenant: Tenant, user: User, pk: Key) -> Iterator[Way]:
    """Yield the stored grants, and the project's own rows, that may reach the user."""
    for table in resource.user_tables:
        for codename, by, at in _stored(table, resource, pk, {"user": user.pk}):
            subject = Subject(user_id=user.pk)
            yield Way(decision.OWN, codename, subject, "a grant to them", _label(table), by, at)
    yield from _rows(resource, user, pk)
    roles = {group_name(tenant.pk, role): role for role in Role.values}
    groups = set(user.groups.values_list("pk", flat=True)) if users.groups() else set()
    for table in resource.group_tables:
        label = _label(table)
        for codename, by, at, key, name in _stored(
            table, resource, pk, {}, "group_id", "group__name"
        ):
            if role := roles.get(name):
                text = f"a grant to the role {role}"
                yield Way(decision.BY_ROLE, codename, Subject(role=role), text, label, by, at)
            elif key in groups:
                text = "a grant to a group of the operator's"
                yield Way(decision.BY_GROUP, codename, UNNAMED, text, label, by, at, name, key)


def _rows(resource: Resource, user: User, pk: Key) -> Iterator[Way]:
    """Yield what rows of the project's own give to the user."""
    for each in listed(resource):
        for audience in given(each, user.pk, pk):
            text, source = f"a row of {each.rows.model}", each.source_of(audience)
            subject, label = Subject(user_id=user.pk), each.model._meta.label_lower
            yield Way(decision.OWN, audience.permission, subject, text, label, rows=source)


def _label(table: GrantTable) -> str:
    label: str = table.model._meta.label_lower
    return label


def _stored(
    table: GrantTable, resource: Resource, pk: Key, whose: dict[str, Any], *more: str
) -> Iterator[tuple[Any, ...]]:
    """Yield (permission, granted by, granted at, *more) of the rows on an object."""
    rows = table.of(resource.permissions, pk).filter(**whose).order_by("pk")
    how = ("granted_by_id", "granted_at") if table.is_attributed else ()
    for codename, *rest in rows.values_list("permission__codename", *how, *more):
        yield (codename, *rest) if how else (codename, None, None, *rest)

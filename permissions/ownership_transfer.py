"""Transfer of ownership when a membership ends, so that no object loses its owner.

It covers every declared resource. Objects that belong to the membership, such as a profile, are
deleted.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import CASCADE, CharField, Exists, Func, Model, OuterRef, Q, QuerySet

from permissions import ceiling, grants, stored
from permissions.audiences import Audience, Resource, registry
from permissions.ceiling import Actor
from permissions.grant_tables import KEY, USER, GrantTable, spelled
from permissions.subjects import Subject
from tenants.members import StillHolds
from tenants.models import Membership


def on_membership_ending(
    membership: Membership, heir: Membership | None, by: int, **_: Any
) -> None:
    """Transfer the member's objects to the heir, and remove all of the member's grants here.

    Raise StillHolds, or AboveCeiling if `by` could not grant the heir as much.
    """
    for resource in registry:
        if not belongs_to_membership(resource.model):
            _hand_over(resource, membership, heir, Actor(by))
        for table in resource.user_tables:
            _own_grants(table, membership).delete()


def belongs_to_membership(model: type[Model]) -> bool:
    """Return whether the model's rows belong to a membership."""
    return any(
        field.related_model is Membership and field.remote_field.on_delete is CASCADE
        for field in model._meta.concrete_fields
        if field.remote_field
    )


def _hand_over(
    resource: Resource, membership: Membership, heir: Membership | None, actor: Actor
) -> None:
    here = stored.within(resource, membership.tenant_id)
    for field, name in resource.named.items():
        audience = resource.declared(name)
        named = here.filter(**{field: membership.user_id})
        alone = here.filter(_held_alone(resource, membership, audience))
        if heir is None:
            if named.exists() or alone.exists():
                raise StillHolds
            continue
        subject = Subject(user_id=heir.user_id)
        with ceiling.acting(actor):
            grants.add(resource, alone.order_by("pk"), subject, audience, actor=actor)
            named.update(**{field: heir.user_id})


def _own_grants(table: GrantTable, membership: Membership) -> QuerySet[Any]:
    rows = table.rows().filter(user=membership.user_id)
    return table.on(stored.in_tenant(table.target, membership.tenant_id), rows)


def _held_alone(resource: Resource, membership: Membership, audience: Audience) -> Q:
    """Return the condition of objects that have no other holder, by grant or by declaration."""
    nothing = Q(pk__in=[])
    if audience.name in resource.roles.values():
        return nothing
    granted = [(table, _granting(table, audience)) for table in resource.grant_tables]
    mine, others = nothing, nothing
    for table, rows in granted:
        if table.who == USER:
            own = table.rows([audience.permission]).filter(user=membership.user_id)
            mine |= Q(pk__in=own.values(KEY))
            rows = rows.exclude(user=membership.user_id)
        others |= Q(Exists(rows))
    named = [field for field, name in resource.named.items() if name == audience.name]
    return mine & ~others & Q(**dict.fromkeys(named))


def _granting(table: GrantTable, audience: Audience) -> QuerySet[Any]:
    """Return the rows that give the audience on the object of the query around them."""
    rows = table.rows([audience.permission])
    if table.is_generic:
        key = spelled(table.target, connection.vendor, "%(expressions)s")
        text = Func(OuterRef("pk"), template=key, output_field=CharField())
        return rows.filter(object_pk=text)
    return rows.filter(content_object=OuterRef("pk"))

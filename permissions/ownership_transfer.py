"""Transfer of ownership when a membership ends, so that no object loses its owner.

It covers every declared resource. Objects that belong to the membership, such as a profile, are
deleted.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CASCADE, Exists, Model, OuterRef, QuerySet

from permissions import ceiling, grants, stored
from permissions.audiences import Audience, Resource, registry
from permissions.ceiling import Actor
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
        _own_grants(resource, membership).delete()


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
    here = stored.rows(resource).filter(tenant=membership.tenant_id)
    for field, name in resource.named.items():
        audience = resource.declared(name)
        named = here.filter(**{field: membership.user_id})
        alone = here.filter(pk__in=_held_alone(resource, membership, audience))
        if heir is None:
            if named.exists() or alone.exists():
                raise StillHolds
            continue
        subject = Subject(user_id=heir.user_id)
        with ceiling.acting(actor):
            grants.add(resource, alone.order_by("pk"), subject, audience, actor=actor)
            named.update(**{field: heir.user_id})


def _own_grants(resource: Resource, membership: Membership) -> QuerySet[Any]:
    table: Any = resource.user_grants
    rows: QuerySet[Any] = table.objects.filter(user=membership.user_id)
    return rows.filter(content_object__tenant=membership.tenant_id)


def _held_alone(resource: Resource, membership: Membership, audience: Audience) -> QuerySet[Any]:
    """Return the keys of the objects that have no other holder, by grant or by declaration."""
    if audience.name in resource.roles.values():
        return resource.model._base_manager.none().values("pk")
    named = [field for field, name in resource.named.items() if name == audience.name]
    same = {
        "permission__codename": audience.permission,
        "content_object": OuterRef("content_object"),
    }
    others = resource.user_grants.objects.filter(**same).exclude(user=membership.user_id)
    groups = resource.group_grants.objects.filter(**same)
    mine = _own_grants(resource, membership).filter(permission__codename=audience.permission)
    for field in named:
        mine = mine.filter(**{f"content_object__{field}": None})
    return mine.exclude(Exists(others) | Exists(groups)).values("content_object")

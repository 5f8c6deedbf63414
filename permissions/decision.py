"""Who is in which audience: the one decision, in batch, with a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet

from permissions.audiences import Audience, Resource
from tenants.models import Membership

UserObject = tuple[int, int]


def audiences(
    resource: Resource, tenant_id: int, pairs: Collection[UserObject]
) -> dict[UserObject, Audience | None]:
    """For each (user id, object id), the user's audience in this tenant or None.

    Three queries whatever the number of pairs. Only an active member of an active tenant has an
    audience, and only of the tenant's objects; being a superuser gives none. For such users that
    are no superusers it equals the first audience whose permission guardian's `has_perm` confirms.
    """
    users = {user_id for user_id, _ in pairs}
    objects = {object_id for _, object_id in pairs}
    members = set(
        Membership.objects.filter(
            tenant_id=tenant_id,
            user_id__in=users,
            is_active=True,
            user__is_active=True,
            tenant__is_active=True,
        ).values_list("user_id", flat=True)
    )
    held: defaultdict[UserObject, set[str]] = defaultdict(set)
    here = Q(content_object__tenant=tenant_id, content_object__in=objects)
    for user_id, object_id, codename in _held(resource, "user", members, here):
        held[user_id, object_id].add(codename)
    for user_id, object_id, codename in _held(resource, "group__user", members, here):
        held[user_id, object_id].add(codename)
    return {pair: resource.first(held.get(pair, ())) for pair in pairs}


def _held(
    resource: Resource, user_path: str, users: set[int], objects: Q
) -> QuerySet[Any, tuple[Any, ...]]:
    table: Any = resource.user_grants if user_path == "user" else resource.group_grants
    return table.objects.filter(
        _permissions(resource), objects, **{f"{user_path}__in": users}
    ).values_list(user_path, "content_object_id", "permission__codename")


def _permissions(resource: Resource) -> Q:
    return Q(
        permission__codename__in=resource.permissions,
        permission__content_type=ContentType.objects.get_for_model(resource.model),
    )


def visible(resource: Resource, queryset: QuerySet[Any], user_id: int) -> QuerySet[Any]:
    """The queryset narrowed to objects on which the user holds some audience's permission.

    Only for lists: it finds candidates, `audiences` decides.
    """
    this = {"content_object": OuterRef("pk")}
    own = resource.user_grants.objects.filter(_permissions(resource), user_id=user_id, **this)
    through_groups = resource.group_grants.objects.filter(
        _permissions(resource), group__user=user_id, **this
    )
    return queryset.filter(Exists(own) | Exists(through_groups))

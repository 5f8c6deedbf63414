"""Who is in which audience: the one decision, in batch, with a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from permissions.audiences import Audience, Resource
from tenants.models import Membership, User

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
    for user_id, object_id, codename in _own(resource, members, here):
        held[user_id, object_id].add(codename)
    groups, granted = _through_groups(resource, members, here)
    for user_id, object_id in pairs:
        mine = groups[user_id]
        held[user_id, object_id].update(name for g, name in granted[object_id] if g in mine)
    return {pair: resource.first(held[pair]) for pair in pairs}


def _own(resource: Resource, users: set[int], here: Q) -> QuerySet[Any, tuple[int, int, str]]:
    """The (user id, object id, permission) that these users hold themselves."""
    own: Any = resource.user_grants.objects.filter(_permissions(resource), here, user__in=users)
    rows: QuerySet[Any, tuple[int, int, str]] = own.values_list(
        "user_id", "content_object_id", "permission__codename"
    )
    return rows


def _through_groups(
    resource: Resource, users: set[int], here: Q
) -> tuple[Mapping[int, set[int]], Mapping[int, list[tuple[int, str]]]]:
    """The groups of each user, and the (group id, permission)s that are granted on each object.

    One statement, and so one state of the database, without the product of users and objects that a
    join would return.
    """
    grants: Any = resource.group_grants.objects.filter(_permissions(resource), here)
    joined: Any = User.groups.through._default_manager.filter(
        user_id__in=users, group_id__in=grants.values("group_id")
    )
    rows = grants.values_list("group_id", "content_object_id", "permission__codename").union(
        joined.values_list("group_id", "user_id", Value("")), all=True
    )
    groups: defaultdict[int, set[int]] = defaultdict(set)
    granted: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for group_id, key, codename in rows:
        if codename:
            granted[key].append((group_id, codename))
        else:
            groups[key].add(group_id)
    return groups, granted


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

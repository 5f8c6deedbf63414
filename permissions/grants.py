"""Grants: the one writer of guardian's tables. Which subject holds which audience of an object.

Each function that gives something a user decided says which: `permissions.ceiling` weighs it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from permissions import ceiling
from permissions.audiences import Audience, Resource
from permissions.ceiling import Actor
from tenants.models import Role
from tenants.roles import group_name, role_group


class LastHolder(Exception):
    """Taking this grant would leave the object without anybody in an audience that it must have."""

    def __init__(self, audience: str) -> None:
        self.audience = audience
        super().__init__(f"Nobody else is {audience}; make somebody else {audience} first.")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who holds a grant: a user by key, or a tenant's role by name. Exactly one is set."""

    user_id: int | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A subject's audience of one object: the first of those whose permissions they hold."""

    subject: Subject
    audience: Audience
    granted_by: int | None = None
    granted_at: datetime | None = None


def grants_of(resource: Resource, obj: Any) -> list[Grant]:
    """All grants of an object to users and to roles of its tenant, users first; two queries."""
    roles = {group_name(obj.tenant_id, role): role for role in Role.values}
    held: defaultdict[Subject, dict[str, tuple[int | None, datetime | None]]] = defaultdict(dict)
    how = ("permission__codename", "granted_by_id", "granted_at")
    for user_id, codename, *given in _rows(resource.user_grants, resource, obj).values_list(
        "user_id", *how
    ):
        held[Subject(user_id=user_id)][codename] = tuple(given)
    for group, codename, *given in _rows(resource.group_grants, resource, obj).values_list(
        "group__name", *how
    ):
        if group in roles:
            held[Subject(role=roles[group])][codename] = tuple(given)
    return [
        Grant(subject, audience, *codes[audience.permission])
        for subject, codes in held.items()
        if (audience := resource.first(codes))
    ]


def _rows(table: Any, resource: Resource, obj: Any) -> QuerySet[Any]:
    rows: QuerySet[Any] = table.objects.filter(
        content_object=obj, permission__codename__in=resource.permissions
    )
    return rows.order_by("pk")


def _of_subject(resource: Resource, obj: Any, subject: Subject) -> QuerySet[Any]:
    if subject.role is None:
        return _rows(resource.user_grants, resource, obj).filter(user_id=subject.user_id)
    group = role_group(obj.tenant_id, subject.role)
    return _rows(resource.group_grants, resource, obj).filter(group=group)


def put(
    resource: Resource, obj: Any, subject: Subject, audience: Audience, *, actor: Actor
) -> None:
    """Give the subject exactly this audience of the object; raises AboveCeiling, LastHolder."""
    with transaction.atomic():
        _lock(resource, obj)
        ceiling.check(resource, [(obj, subject, audience)], actor)
        _keep_holders(resource, obj, subject, audience)
        rows = _of_subject(resource, obj, subject)
        rows.exclude(permission__codename=audience.permission).delete()
        if not rows.exists():
            _create(resource, [(obj, subject, audience)], actor.user_id)


def add(
    resource: Resource,
    objects: Iterable[Any],
    subject: Subject,
    audience: Audience,
    *,
    actor: Actor,
) -> None:
    """Give the subject this audience of objects besides what they have; raises AboveCeiling."""
    given = [(obj, subject, audience) for obj in objects]
    ceiling.check(resource, given, actor)
    _create(resource, given, actor.user_id)


def take(resource: Resource, obj: Any, subject: Subject, *, actor: Actor) -> bool:
    """Take whatever the subject holds on the object; False if it was nothing.

    Raises AboveCeiling for an actor who does not manage the object's grants, and LastHolder.
    """
    with transaction.atomic():
        _lock(resource, obj)
        ceiling.check_manages(resource, obj, actor)
        _keep_holders(resource, obj, subject, None)
        return bool(_of_subject(resource, obj, subject).delete()[0])


def _lock(resource: Resource, obj: Any) -> None:
    """Two takings of the last two holders wait for each other."""
    locked = resource.model._base_manager.select_for_update(no_key=True)
    locked.filter(pk=obj.pk).values_list("pk").get()


def _keep_holders(
    resource: Resource, obj: Any, subject: Subject, audience: Audience | None
) -> None:
    """Raise LastHolder if nobody but the subject, who gets `audience` now, is a holder."""
    present = grants_of(resource, obj)
    for name in sorted(set(resource.holders.values())):
        holding = {grant.subject for grant in present if grant.audience.name == name}
        if holding == {subject} and (audience is None or audience.name != name):
            raise LastHolder(name)


def _permission_ids(resource: Resource) -> dict[str, int]:
    content_type = ContentType.objects.get_for_model(resource.model)
    found = Permission.objects.filter(content_type=content_type, codename__in=resource.permissions)
    return dict(found.values_list("codename", "pk"))


def _create(
    resource: Resource, given: Iterable[tuple[Any, Subject, Audience]], by: int | None = None
) -> None:
    how = {"granted_by_id": by, "granted_at": None if by is None else timezone.now()}
    ids = _permission_ids(resource)
    user_table: Any = resource.user_grants
    group_table: Any = resource.group_grants
    group_of = cache(role_group)
    users: list[Any] = []
    groups: list[Any] = []
    for obj, subject, audience in given:
        what = {"permission_id": ids[audience.permission], "content_object": obj, **how}
        if subject.role is None:
            users.append(user_table(user_id=subject.user_id, **what))
        else:
            group = group_of(obj.tenant_id, subject.role)
            groups.append(group_table(group=group, **what))
    for table, rows in ((user_table, users), (group_table, groups)):
        if rows:
            table.objects.bulk_create(rows, ignore_conflicts=True)


def establish(resource: Resource, created: Iterable[Any]) -> None:
    """Give new objects the audiences that their declaration names: holders' and roles'.

    Whoever creates an object says whose it is: there is nothing in it yet that others may see.
    """
    given: list[ceiling.Gift] = []
    for obj in created:
        given.extend(_named(resource, obj, resource.holders))
        for role, name in resource.roles.items():
            given.append((obj, Subject(role=role), _declared(resource, name)))
    if given:
        _create(resource, given)


def follow(resource: Resource, moved: Iterable[tuple[Any, Mapping[str, Any]]]) -> None:
    """Move the holders' grants after holder fields changed; with each object its old users' keys.

    To name somebody in such a field is to give them its audience; raises AboveCeiling.
    """
    changed = [
        (obj, {field: before[field] for field in resource.holders if field in before})
        for obj, before in moved
    ]
    given = [gift for obj, before in changed for gift in _named(resource, obj, before)]
    ceiling.check(resource, given, ceiling.current())
    for obj, before in changed:
        for field, user_id in before.items():
            audience = _declared(resource, resource.holders[field])
            rows = _of_subject(resource, obj, Subject(user_id=user_id))
            rows.filter(permission__codename=audience.permission).delete()
    if given:
        _create(resource, given)


def _named(resource: Resource, obj: Any, fields: Iterable[str]) -> Iterator[ceiling.Gift]:
    """What the users that these holder fields name get by it."""
    for field in fields:
        user_id = _holder(obj, field)
        if user_id is not None:
            yield obj, Subject(user_id=user_id), _declared(resource, resource.holders[field])


def _holder(obj: Any, field: str) -> int | None:
    user_id: int | None = getattr(obj, obj._meta.get_field(field).attname)
    return user_id


def _declared(resource: Resource, name: str) -> Audience:
    audience = resource.audience(name)
    assert audience is not None  # kept by a system check
    return audience

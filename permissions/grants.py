"""Grants: the only writer of guardian's tables, which say which subject has which audience.

A default, the audience that a subject has by declaration, is not stored and cannot be removed. Each
function that grants on a user's behalf takes an `actor`, whose right to do so `permissions.ceiling`
checks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
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
from permissions.subjects import Subject, defaults, holders, with_linked
from tenants.models import Role
from tenants.roles import group_name, role_group


class LastHolder(Exception):
    """Removing this grant would leave a required audience of the object empty."""

    def __init__(self, audience: str) -> None:
        self.audience = audience
        super().__init__(f"This is the last {audience}; make somebody else {audience} first.")


class DefaultGrant(Exception):
    """The subject has this audience by declaration; a lower grant cannot remove it."""

    def __init__(self, audience: str) -> None:
        self.audience = audience
        super().__init__(
            f"The audience {audience!r} comes from owning the object or from the role, and a grant"
            " can neither remove nor lower it: change the owner or the role."
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """A subject's audience of one object: the `default`, or the highest that grants give."""

    subject: Subject
    audience: Audience
    granted_by: int | None = None
    granted_at: datetime | None = None
    purpose: str = ""
    default: bool = False


def grants_of(resource: Resource, obj: Any) -> list[Grant]:
    """Return all grants of an object to users and roles of its tenant, users and defaults first.

    A subject with a default and a grant appears twice. Takes two queries.
    """
    return _all(resource, obj, defaults(resource, holders(resource, obj)))


def _all(resource: Resource, obj: Any, by_default: Mapping[Subject, Audience]) -> list[Grant]:
    found = [Grant(subject, audience, default=True) for subject, audience in by_default.items()]
    found += _stored(resource, obj)
    return sorted(found, key=lambda grant: bool(grant.subject.role))  # stable: defaults first


def _stored(resource: Resource, obj: Any) -> list[Grant]:
    roles = {group_name(obj.tenant_id, role): role for role in Role.values}
    held: defaultdict[Subject, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    how = ("permission__codename", "granted_by_id", "granted_at", "purpose")
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
    name = group_name(obj.tenant_id, subject.role)
    return _rows(resource.group_grants, resource, obj).filter(group__name=name)


def put(
    resource: Resource,
    obj: Any,
    subject: Subject,
    audience: Audience,
    *,
    actor: Actor,
    purpose: str | None = None,
) -> None:
    """Set the subject's audience of the object, storing a grant unless it is the default.

    Another `purpose` is another grant; None keeps that of a grant that stays. Raise AboveCeiling,
    DefaultGrant for less than the default, or LastHolder.
    """
    with transaction.atomic():
        by_default = _lock(resource, obj)
        ceiling.check(resource, [(obj, subject, audience)], actor)
        _keep_default(resource, by_default.get(subject), audience)
        _keep_holders(resource, _all(resource, obj, by_default), subject, audience)
        rows = _of_subject(resource, obj, subject)
        if audience == by_default.get(subject):
            rows.delete()
            return
        same = {"permission__codename": audience.permission}
        if purpose is not None:
            same["purpose"] = purpose
        rows.exclude(**same).delete()
        if not rows.exists():
            _create(resource, [(obj, subject, audience)], actor.user_id, purpose or "")


def add(
    resource: Resource,
    objects: Iterable[Any],
    subject: Subject,
    audience: Audience,
    *,
    actor: Actor,
) -> None:
    """Grant the subject this audience of objects, in addition to others; raise AboveCeiling."""
    given = [(obj, subject, audience) for obj in objects]
    ceiling.check(resource, given, actor)
    _create(resource, given, actor.user_id)


def take(resource: Resource, obj: Any, subject: Subject, *, actor: Actor) -> bool:
    """Remove the subject's grants on the object; return False if there were none.

    Raise AboveCeiling if the actor does not manage the object's grants, DefaultGrant if there is
    only the default, or LastHolder.
    """
    with transaction.atomic():
        by_default = _lock(resource, obj)
        ceiling.check_manages(resource, obj, actor)
        _keep_holders(resource, _all(resource, obj, by_default), subject, None)
        taken = bool(_of_subject(resource, obj, subject).delete()[0])
        if not taken:
            _keep_default(resource, by_default.get(subject), None)
        return taken


def _lock(resource: Resource, obj: Any) -> dict[Subject, Audience]:
    """Lock the object and return its defaults as now stored.

    The lock makes concurrent removals of the last two holders, and changes of the holder, wait for
    each other.
    """
    locked = resource.model._base_manager.select_for_update(no_key=True)
    row = locked.filter(pk=obj.pk).values("pk", *resource.named).get()
    return defaults(resource, with_linked(resource, obj.pk, row))


def _keep_default(resource: Resource, default: Audience | None, audience: Audience | None) -> None:
    """Raise DefaultGrant if this audience, or None, is lower than the subject's default."""
    rank = resource.audiences.index
    if default is not None and (audience is None or rank(audience) > rank(default)):
        raise DefaultGrant(default.name)


def _keep_holders(
    resource: Resource, present: Collection[Grant], subject: Subject, audience: Audience | None
) -> None:
    """Raise LastHolder if, once the subject's grant becomes `audience`, no holder is left."""
    for name in sorted(set(resource.holders.values())):
        holding = [grant for grant in present if grant.audience.name == name]
        others = [grant for grant in holding if grant.default or grant.subject != subject]
        if holding and not others and (audience is None or audience.name != name):
            raise LastHolder(name)


def _permission_ids(resource: Resource) -> dict[str, int]:
    content_type = ContentType.objects.get_for_model(resource.model)
    found = Permission.objects.filter(content_type=content_type, codename__in=resource.permissions)
    return dict(found.values_list("codename", "pk"))


def _create(
    resource: Resource,
    given: Iterable[tuple[Any, Subject, Audience]],
    by: int | None = None,
    purpose: str = "",
) -> None:
    at = None if by is None else timezone.now()
    how = {"granted_by_id": by, "granted_at": at, "purpose": purpose}
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

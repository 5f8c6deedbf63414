"""Grants: the only writer of guardian's tables, which say which subject has which audience.

A default, the audience that a subject has by declaration, is not stored and cannot be removed. Each
function that grants on a user's behalf takes an `actor`, whose right to do so `permissions.ceiling`
checks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from permissions import ceiling, stored
from permissions.audiences import Audience, Resource
from permissions.ceiling import Actor
from permissions.grant_tables import GrantTable
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
    roles = {group_name(stored.tenant_of(obj), role): role for role in Role.values}
    held: defaultdict[Subject, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for user_id, codename, *given in _listed(resource.user_tables, resource, obj, "user_id"):
        held[Subject(user_id=user_id)].setdefault(codename, tuple(given))
    for group, codename, *given in _listed(resource.group_tables, resource, obj, "group__name"):
        if group in roles:
            held[Subject(role=roles[group])].setdefault(codename, tuple(given))
    return [
        Grant(subject, audience, *codes[audience.permission])
        for subject, codes in held.items()
        if (audience := resource.first(codes))
    ]


def _listed(
    tables: Iterable[GrantTable], resource: Resource, obj: Any, whose: str
) -> Iterator[tuple[Any, ...]]:
    """Yield (whose, permission, granted by, at, what for) of each stored row."""
    for table in tables:
        rows = table.of(resource.permissions, obj.pk).order_by("pk")
        how = ("granted_by_id", "granted_at", "purpose") if table.is_attributed else ()
        for row in rows.values_list(whose, "permission__codename", *how):
            yield row if how else (*row, None, None, "")


def _of_subject(resource: Resource, obj: Any, subject: Subject) -> list[QuerySet[Any]]:
    """Return the subject's rows, by table."""
    tables = resource.user_tables if subject.role is None else resource.group_tables
    whose: dict[str, Any] = {"user_id": subject.user_id}
    if subject.role is not None:
        whose = {"group__name": group_name(stored.tenant_of(obj), subject.role)}
    return [table.of(resource.permissions, obj.pk).filter(**whose) for table in tables]


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
        stored = _of_subject(resource, obj, subject)
        if audience == by_default.get(subject):
            _delete(stored)
            return
        same = {"permission__codename": audience.permission}
        others = []
        for rows in stored:
            says = purpose is not None and hasattr(rows.model, "purpose")
            others.append(rows.exclude(**same, **({"purpose": purpose} if says else {})))
        _delete(others)
        if not any(rows.exists() for rows in stored):
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
        taken = _delete(_of_subject(resource, obj, subject))
        if not taken:
            _keep_default(resource, by_default.get(subject), None)
        return taken


def _delete(some: Iterable[QuerySet[Any]]) -> bool:
    """Delete these rows, and return whether there were any."""
    return sum(rows.delete()[0] for rows in some) > 0


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
    group_of = cache(role_group)
    rows: defaultdict[GrantTable, list[Any]] = defaultdict(list)
    for obj, subject, audience in given:
        table, whose = resource.user_tables[0], subject.user_id
        if subject.role is not None:
            group = group_of(stored.tenant_of(obj), subject.role)
            table, whose = resource.group_tables[0], group.pk
        rows[table].append(table.row(whose, ids[audience.permission], obj.pk, how))
    for table, some in rows.items():
        table.model._base_manager.bulk_create(some, ignore_conflicts=True)

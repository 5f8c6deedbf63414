"""How an audience is held, or not, in words. Decides without I/O, and mentions no values of objects
and no names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from permissions import decision
from permissions.audiences import Audience, Resource
from permissions.rows import listed
from permissions.subjects import Subject
from tenants.keys import Key
from tenants.models import State


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a permission: by the declaration, or by a stored row of `table`.

    `field` is the holder's field that names the user; `group` and `group_id` are the operator's.
    """

    kind: int
    permission: str
    subject: Subject
    text: str
    table: str = ""
    granted_by: int | None = None
    granted_at: datetime | None = None
    group: str = ""
    group_id: int | None = None
    field: str = ""
    rows: str = ""
    """The source of the intervals of the project's own rows that say so."""

    @property
    def default(self) -> bool:
        """Return whether it comes from the declaration, and is stored nowhere."""
        return not self.table


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a user and an object."""

    resource: Resource
    pk: Key
    user_id: int
    user_is_active: bool
    tenant_is_active: bool
    state: State | None
    role: str | None
    row: Mapping[str, Any]
    grants: tuple[Way, ...]
    """Stored grants to the user, to roles and to the user's groups."""


def ways(audience: Audience, facts: Facts) -> Iterator[Way]:
    """Yield the ways in which somebody in the tenant holds the audience, defaults first."""
    resource, permission = facts.resource, audience.permission
    for field, name in resource.holders.items():
        if name == audience.name and facts.row[field] == facts.user_id:
            text = f"the object's {field} is this user"
            subject = Subject(user_id=facts.user_id)
            yield Way(decision.OWN, permission, subject, text, field=field)
    if facts.role is not None and resource.roles.get(facts.role) == audience.name:
        text = f"the role {facts.role} has it on every object"
        yield Way(decision.BY_ROLE, permission, Subject(role=facts.role), text)
    for grant in facts.grants:
        mine = grant.subject.role in (None, facts.role)
        if grant.permission == permission and mine:
            yield grant


def obstacles(facts: Facts) -> Iterator[str]:
    """Yield what keeps the user from everything, whatever they are granted."""
    if not facts.tenant_is_active:
        yield "the tenant is suspended"
    if not facts.user_is_active:
        yield "the user is deactivated"
    if facts.state is None:
        yield "they are no member of the tenant"
    elif facts.state == State.INVITED:
        yield "they have not accepted the invitation"
    elif facts.state == State.INACTIVE:
        yield "their membership is deactivated"
    for column, value in facts.resource.visible_by.items():
        if facts.row[column] != value:
            yield f"nobody sees the object, since its {column} is not {value!r}"


def why_not(audience: Audience, facts: Facts) -> str:
    """Return why the user is not in this audience."""
    if next(iter(obstacles(facts)), None) is not None:
        return "; ".join(obstacles(facts))
    reasons = [f"no grant of {audience.permission} reaches them"]
    for field, name in facts.resource.holders.items():
        if name == audience.name:
            reasons.append(f"the object's {field} is not this user")
    roles = [role for role, name in facts.resource.roles.items() if name == audience.name]
    if roles:
        reasons.append(f"their role is {facts.role}, not {' or '.join(roles)}")
    return "; ".join(reasons)


def changes(facts: Facts) -> Iterator[str]:
    """Yield each change that would give the user an audience; first what keeps them from all."""
    yield from (f"first, that it is no longer so: {text}" for text in obstacles(facts))
    for audience in facts.resource.audiences:
        for field, name in facts.resource.holders.items():
            if name == audience.name:
                yield f"to be the object's {field}: {audience.name}"
        for role, name in facts.resource.roles.items():
            if name == audience.name:
                yield f"the role {role}: {audience.name}"
        for each in listed(facts.resource):
            if audience in each.given:
                yield f"a row of {each.rows.model}: {audience.name}"
        yield f"a grant of {audience.permission}: {audience.name}"

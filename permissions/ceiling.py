"""The ceiling: who may give whom which audience. Every grant, and every holder's column that is
written, is weighed here.

Whoever manages an object's grants by an audience of their own gives at most what they have. The
tenant's admins give others what they like, but to themselves, and to the role that they have, at
most what that role has from the start. What this cannot prevent stands in docs/protocol.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from rest_framework import exceptions

from permissions import decision, stored
from permissions.audiences import Audience, Resource
from permissions.subjects import Subject
from tenants import keys
from tenants.models import Role

Gift = tuple[Any, Subject, Audience]

BATCH = 500


class Key(NamedTuple):
    """What must be known of an object to decide on a grant for it."""

    pk: keys.Key
    tenant_id: int


class AboveCeiling(exceptions.PermissionDenied):
    """The actor may not give this audience of the object to this subject."""

    def __init__(self, subject: Subject | None, audience: Audience | None) -> None:
        self.subject = subject
        self.audience = audience
        super().__init__(
            "Only users who manage this object's grants may do this; ask one of its owners."
            if audience is None
            else f"You may not give the audience {audience.name!r} here; ask somebody who may."
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """The user who grants and revokes, with the rights they have at that moment; or SYSTEM."""

    user_id: int | None
    unlimited: bool = False


SYSTEM: Final = Actor(None, unlimited=True)
"""Scripts and operators, who could write the tables themselves: everything is allowed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's position regarding one object: their role in its tenant, their audience of it."""

    user_id: int | None
    role: str | None
    own: Audience | None


def may_manage(standing: Standing) -> bool:
    """Return whether they may grant and revoke audiences of the object at all.

    They must see it, and either their audience grants or they administer the tenant. Reviewers may
    never.
    """
    if standing.own is None or standing.role == Role.REVIEWER:
        return False
    return standing.own.grants or standing.role == Role.ADMIN


def may_give(resource: Resource, standing: Standing, whom: Subject, audience: Audience) -> bool:
    """Return whether they may grant this audience of the object to this subject."""
    if not may_manage(standing):
        return False
    rank = resource.audiences.index
    if standing.own and standing.own.grants and rank(audience) >= rank(standing.own):
        return True
    if standing.role != Role.ADMIN:
        return False
    if whom.user_id != standing.user_id and whom.role != standing.role:
        return True
    ceiling = resource.audience(resource.roles.get(standing.role, ""))
    return ceiling is not None and rank(audience) >= rank(ceiling)


def check(resource: Resource, gifts: Sequence[Gift], actor: Actor) -> None:
    """Raise AboveCeiling unless the actor may grant each subject this audience of this object.

    Reads the actor's position now: call it before a row moves, and with the objects locked.
    """
    for start in range(0, len(gifts), BATCH):
        batch = gifts[start : start + BATCH]
        weigh(resource, batch, standings(resource, [obj for obj, _, _ in batch], actor))


def weigh(
    resource: Resource, gifts: Iterable[Gift], found: Mapping[keys.Key, Standing] | None
) -> None:
    """Raise AboveCeiling unless an actor in this position may grant this; None may."""
    if found is None:
        return
    for obj, whom, audience in gifts:
        if not may_give(resource, found[obj.pk], whom, audience):
            raise AboveCeiling(whom, audience)


def check_manages(resource: Resource, obj: Any, actor: Actor) -> None:
    """Raise AboveCeiling unless the actor may revoke audiences of the object."""
    found = standings(resource, [obj], actor)
    if found is not None and not may_manage(found[obj.pk]):
        raise AboveCeiling(None, None)


def standings(
    resource: Resource, objects: Iterable[Any], actor: Actor
) -> Mapping[keys.Key, Standing] | None:
    """Return the actor's position regarding each object, by key, or None for SYSTEM.

    Takes one statement per tenant.
    """
    if actor.unlimited:
        return None
    user_id = actor.user_id
    found: dict[keys.Key, Standing] = {}
    by_tenant: defaultdict[int, list[keys.Key]] = defaultdict(list)
    for obj in objects:
        tenant_id = obj.tenant_id if isinstance(obj, Key) else stored.tenant_of(obj)
        by_tenant[tenant_id].append(obj.pk)
    for tenant_id, pks in by_tenant.items():
        if user_id is None:
            found.update(dict.fromkeys(pks, Standing(None, None, None)))
            continue
        answer = decision.ask(resource, tenant_id, [(user_id, pk) for pk in pks])
        for pk in pks:
            own = answer.audience(user_id, pk)
            found[pk] = Standing(user_id, answer.roles.get(user_id), own)
    return found


_acting: ContextVar[Actor] = ContextVar("earshot_acting", default=SYSTEM)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Check what this block writes to holders' columns as grants by this actor."""
    before = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(before)


def act_as(actor: Actor) -> None:
    """Set the actor from here to the end of the surrounding `acting` block."""
    _acting.set(actor)


def current() -> Actor:
    """Return the current actor, or SYSTEM if none was set."""
    return _acting.get()

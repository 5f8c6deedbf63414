"""The ceiling: who may give whom which audience. Every grant, and every holder's column that is
written, is weighed here.

Whoever manages an object's grants by an audience of their own gives at most what they have. The
tenant's admins give others what they like, but to themselves, and to the role that they have, at
most what that role has from the start. What this cannot prevent stands in docs/protocol.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rest_framework import exceptions

from permissions import decision
from permissions.audiences import Audience, Resource
from tenants.models import Membership, Role

if TYPE_CHECKING:
    from permissions.grants import Subject

    Gift = tuple[Any, Subject, Audience]

BATCH = 500


class AboveCeiling(exceptions.PermissionDenied):
    """The actor may not give this audience of the object to this subject."""

    def __init__(self, subject: Subject | None, audience: Audience | None) -> None:
        self.subject = subject
        self.audience = audience
        super().__init__(
            "Only those who manage this object's grants may do this; ask one of its owners."
            if audience is None
            else f"You may not give the audience {audience.name!r} here; ask somebody who has it."
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gives and takes: a user, weighed as they stand at that moment; or SYSTEM."""

    user_id: int | None
    unlimited: bool = False


SYSTEM: Final = Actor(None, unlimited=True)
"""Scripts and operators, who could write the tables themselves: nothing is refused to them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user stands to one object: their role in its tenant, their audience of it."""

    user_id: int | None
    role: str | None
    own: Audience | None


def may_manage(standing: Standing) -> bool:
    """Whether they may give and take audiences of the object at all: they see it, and either their
    audience says so or they administer the tenant."""
    if standing.own is None:
        return False
    return standing.own.grants or standing.role == Role.ADMIN


def may_give(resource: Resource, standing: Standing, whom: Subject, audience: Audience) -> bool:
    """Whether they may give this audience of the object to this subject."""
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
    """Raise AboveCeiling unless the actor may give each subject this audience of this object.

    Reads how the actor stands now: ask before a row moves, and with the objects locked.
    """
    if actor.unlimited:
        return
    for start in range(0, len(gifts), BATCH):
        batch = gifts[start : start + BATCH]
        found = _standings(resource, [obj for obj, _, _ in batch], actor.user_id)
        for obj, whom, audience in batch:
            if not may_give(resource, found[obj.pk], whom, audience):
                raise AboveCeiling(whom, audience)


def check_manages(resource: Resource, obj: Any, actor: Actor) -> None:
    """Raise AboveCeiling unless the actor may take audiences of the object."""
    if actor.unlimited:
        return
    if not may_manage(_standings(resource, [obj], actor.user_id)[obj.pk]):
        raise AboveCeiling(None, None)


def _standings(resource: Resource, objects: list[Any], user_id: int | None) -> dict[int, Standing]:
    """By the objects' keys; four queries a tenant."""
    if user_id is None:
        return {obj.pk: Standing(None, None, None) for obj in objects}
    by_tenant: defaultdict[int, list[int]] = defaultdict(list)
    for obj in objects:
        by_tenant[obj.tenant_id].append(obj.pk)
    found = {}
    for tenant_id, pks in by_tenant.items():
        places = Membership.objects.filter(tenant=tenant_id, user=user_id)
        role = places.values_list("role", flat=True).first()
        decided = decision.audiences(resource, tenant_id, [(user_id, pk) for pk in pks])
        found.update({pk: Standing(user_id, role, own) for (_, pk), own in decided.items()})
    return found


_acting: ContextVar[Actor] = ContextVar("earshot_acting", default=SYSTEM)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Weigh what this block writes to holders' columns as this actor's gifts."""
    before = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(before)


def act_as(actor: Actor) -> None:
    """Say who acts from here to the end of the `acting` block around this."""
    _acting.set(actor)


def current() -> Actor:
    """Who acts here; SYSTEM where nobody said."""
    return _acting.get()

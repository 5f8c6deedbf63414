"""Who holds an audience of an object: a user or a role, by declaration or by a grant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from permissions.audiences import Audience, Resource


@dataclass(frozen=True, slots=True)
class Subject:
    """A user by key, or a tenant's role by name. Exactly one is set, except in UNNAMED."""

    user_id: int | None = None
    role: str | None = None


UNNAMED = Subject()
"""A group that is not a role of the tenant: only the operator creates and sees those."""


def holders(resource: Resource, obj: Any) -> dict[str, int | None]:
    """Return the key of the user that each holder's field of the object names."""
    names = ((field, obj._meta.get_field(field).attname) for field in resource.holders)
    return {field: getattr(obj, name) for field, name in names}


def defaults(resource: Resource, named: Mapping[str, int | None]) -> dict[Subject, Audience]:
    """Return each subject's default on an object whose holders' fields name these users.

    Users come first. A user named by several fields has the first of their audiences.
    """
    found: dict[Subject, Audience] = {}
    for audience in resource.audiences:
        for field, name in resource.holders.items():
            if name == audience.name and named[field] is not None:
                found.setdefault(Subject(user_id=named[field]), audience)
    for role, name in resource.roles.items():
        found[Subject(role=role)] = resource.declared(name)
    return found

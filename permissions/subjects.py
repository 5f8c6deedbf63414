"""Who holds an audience of an object: a user or a role, by declaration or by a grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from permissions.audiences import Audience, Resource
from permissions.links import users_of
from tenants.keys import Key


@dataclass(frozen=True, slots=True)
class Subject:
    """A user by key, or a tenant's role by name. Exactly one is set, except in UNNAMED."""

    user_id: int | None = None
    role: str | None = None


UNNAMED = Subject()
"""A group that is not a role of the tenant: only the operator creates and sees those."""


def holders(resource: Resource, obj: Any) -> dict[str, list[int]]:
    """Return the keys of the users that each holders' field of the object names."""
    names = ((field, obj._meta.get_field(field).attname) for field in resource.named)
    return with_linked(resource, obj.pk, {field: getattr(obj, name) for field, name in names})


def with_linked(resource: Resource, pk: Key, row: Mapping[str, int | None]) -> dict[str, list[int]]:
    """Return the keys of the users whom the columns of this row name, and the object's links."""
    named = {field: [] if row[field] is None else [row[field]] for field in resource.named}
    return {**named, **users_of(resource, pk)}  # type: ignore[dict-item]


def defaults(resource: Resource, named: Mapping[str, Iterable[int]]) -> dict[Subject, Audience]:
    """Return each subject's default on an object whose holders' fields name these users.

    Users come first. A user named by several fields has the first of their audiences.
    """
    found: dict[Subject, Audience] = {}
    for audience in resource.audiences:
        for field, name in resource.holders.items():
            for user_id in named[field] if name == audience.name else ():
                found.setdefault(Subject(user_id=user_id), audience)
    for role, name in resource.roles.items():
        found[Subject(role=role)] = resource.declared(name)
    return found

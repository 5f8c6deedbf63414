"""Finds what the operator names in a command, or refuses it and says what to do instead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from permissions import stored
from permissions.audiences import Resource, registry
from permissions.review.subcommands import Unanswerable
from tenants import opaque, users
from tenants.keys import Key
from tenants.models import Tenant
from tenants.users import User

MOST: Final = 100_000
"""How many objects are searched for one with a given name."""


class Unknown(Unanswerable):
    """Something that was named does not exist; `todo` says how to find its name."""

    def __init__(self, what: str, name: str, todo: str = "") -> None:
        self.what = what
        self.name = name
        self.todo = todo
        super().__init__(f"There is no {what} {name!r}{f'; {todo}' if todo else ''}.")


def tenant(slug: str) -> Tenant:
    """Return the tenant with this slug; raises Unknown."""
    found: Tenant | None = Tenant.objects.filter(slug=slug).first()
    if found is None:
        slugs = Tenant.objects.order_by("slug").values_list("slug", flat=True)[:20]
        raise Unknown("tenant", slug, f"there are: {', '.join(slugs) or 'none'}")
    return found


def resource(label: str) -> Resource:
    """Return the declaration of this model; raises Unknown."""
    if label not in registry:
        raise Unknown("model", label, f"say one of: {', '.join(sorted(r.label for r in registry))}")
    return registry.get(label)


def absent(resource: Resource, tenant: Tenant, pk: Key) -> Unknown:
    """Return the error for an object that does not exist."""
    id = opaque.encode(resource.model, pk)
    return Unknown(f"{resource.label} in {tenant.slug} with the id", id, NAMED)


NAMED: Final = "ids are as clients see them, or say --called and the object's name"


def object_key(resource: Resource, tenant: Tenant, id: str | None, called: str | None) -> Key:
    """Return the key of the object with this id, which need not exist, or with this name."""
    if id is not None:
        pk = opaque.decode(resource.model, id)
        if pk is None:
            raise Unknown(f"{resource.label} in {tenant.slug} with the id", id, NAMED)
        return pk
    found = list(islice(_called(resource, tenant, str(called)), 2))
    what = f"{resource.label} in {tenant.slug} called"
    if not found:
        raise Unknown(what, str(called), "say its whole name, as it is written there, or its --id")
    if len(found) > 1:
        ids = ", ".join(opaque.encode(resource.model, pk) for pk in found)
        raise Unknown(f"single {what}", str(called), f"say --id; there are {ids}")
    return found[0]


def _called(resource: Resource, tenant: Tenant, called: str) -> Iterator[Key]:
    rows = stored.within(resource, tenant.pk).order_by("-pk")[:MOST]
    return (row.pk for row in rows.iterator(500) if str(row) == called)


def user(name: str) -> User:
    """Return the user with this name or id; raises Unknown."""
    found = users.named(name)
    if found is None:
        pk = opaque.decode(User, name)
        found = None if pk is None else User._base_manager.filter(pk=pk).first()
    if found is None:
        raise Unknown("user", name, "say a username, or an id as clients see it")
    return found

"""What readers learn about people: only what their audience of each person's own object shows.

The resource about people, and its name field, are declared (`Resource.names`), so nothing here
knows a model.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from permissions import decision, stored
from permissions.audiences import Resource, registry
from permissions.read import read
from permissions.representation import ObjectKey
from tenants.models import Membership


def names(tenant_id: int, reader_id: int, user_ids: Collection[int]) -> dict[int, str | None]:
    """Return the names of these users as the reader sees them, with a separate read.

    Users whom the reader does not see, or who cannot be shown, are left out.
    """
    resource = _resource()
    if resource is None or not user_ids:
        return {}
    whose = _objects(resource, tenant_id, user_ids)
    pairs = [(reader_id, ObjectKey(resource.label, pk)) for pk in whose]
    found = {}
    for (_, key), seen in read(tenant_id, pairs).seen.items():
        if seen is not None and seen.body is not None:
            found[whose[key.pk]] = orjson.loads(seen.body).get(resource.names)
    return found


def is_shown(tenant_id: int, reader_id: int, user_id: int) -> bool:
    """Return whether the reader sees this user; without a resource about people, every member."""
    resource = _resource()
    if resource is None:
        return Membership.objects.joined().filter(tenant=tenant_id, user=user_id).exists()
    pairs = [(reader_id, pk) for pk in _objects(resource, tenant_id, [user_id])]
    return any(decision.audiences(resource, tenant_id, pairs).values())


def _resource() -> Resource | None:
    return next((resource for resource in registry if resource.names), None)


def _objects(resource: Resource, tenant_id: int, user_ids: Collection[int]) -> dict[int, int]:
    """Return the users by the keys of their own objects."""
    field: Any = resource.model._meta.get_field(next(iter(resource.named)))
    holder: str = field.attname
    rows: Any = stored.within(resource, tenant_id).filter(**{f"{holder}__in": user_ids})
    return dict(rows.values_list("pk", holder))

"""What a reader is told of people: what their audience of each person's own object shows, no more.

Which resource is about people, and which field of its payloads is a name, is declared there
(`Resource.names`), so that nothing here knows a model.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from permissions import decision
from permissions.audiences import Resource, registry
from permissions.read import read
from permissions.representation import ObjectKey
from tenants.models import Membership


def names(tenant_id: int, reader_id: int, user_ids: Collection[int]) -> dict[int, str | None]:
    """The names of these users as the reader is shown them, by a read of its own.

    Whoever is not shown to the reader, or cannot be shown, is left out.
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
    """Whether the reader is shown this user at all; where nothing is about people, every member."""
    resource = _resource()
    if resource is None:
        return Membership.objects.joined().filter(tenant=tenant_id, user=user_id).exists()
    pairs = [(reader_id, pk) for pk in _objects(resource, tenant_id, [user_id])]
    return any(decision.audiences(resource, tenant_id, pairs).values())


def _resource() -> Resource | None:
    return next((resource for resource in registry if resource.names), None)


def _objects(resource: Resource, tenant_id: int, user_ids: Collection[int]) -> dict[int, int]:
    """By the keys of these users' own objects, whose each is."""
    field: Any = resource.model._meta.get_field(next(iter(resource.holders)))
    holder: str = field.attname
    rows: Any = resource.model.objects.filter(tenant=tenant_id, **{f"{holder}__in": user_ids})
    return dict(rows.values_list("pk", holder))

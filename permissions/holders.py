"""Holders' columns that are written: to name somebody in one is to give them its audience."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from permissions import accesslog, ceiling
from permissions.accesslog import Touch
from permissions.audiences import Resource
from permissions.ceiling import Gift, Standing
from permissions.subjects import Subject, holders

Standings = Mapping[int, Standing] | None


def moved(
    resource: Resource,
    rows: Iterable[tuple[Any, Mapping[str, Any]]],
    found: Standings,
) -> None:
    """Weigh what holders' fields name now, and log whom that touches.

    With each object the fields that moved and whom they named; raises AboveCeiling against how the
    actor stood, by `ceiling.standings`, before they moved.
    """
    gifts: list[Gift] = []
    for obj, before in rows:
        named = holders(resource, obj)
        now = {field: named[field] for field in before}
        for field, user_id in now.items():
            if user_id is not None:
                audience = resource.declared(resource.holders[field])
                gifts.append((obj, Subject(user_id=user_id), audience))
        touched: Collection[int] = {u for u in (*now.values(), *before.values()) if u is not None}
        touches = [Touch(user_id, resource.label, obj.pk) for user_id in sorted(touched)]
        accesslog.record(obj.tenant_id, touches, "holder")
    ceiling.weigh(resource, gifts, found)

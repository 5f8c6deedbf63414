"""Since when somebody holds a permission, and from whom: as far as there is a record of that.

This app keeps none: an app above it that does registers how its record is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from permissions.audiences import Resource
from permissions.review.holding import Way
from tenants.keys import Key


@dataclass(frozen=True, slots=True)
class Beginning:
    """A way to a permission began at this moment; or `before` it, when the record began.

    `given_by` is who granted it, where that is known; they may be gone.
    """

    at: datetime
    before: bool
    given_by: int | None


Record = Callable[[Resource, int, int, int, Way], Beginning | None]
"""How a record is asked when a way began: of a tenant, a user and an object, by their keys."""

_registered: Final[list[Record]] = []


def register(record: Record) -> None:
    """Ask this record from now on."""
    if record not in _registered:
        _registered.append(record)


def beginning(
    resource: Resource, tenant_id: int, user_id: int, pk: Key, way: Way
) -> Beginning | None:
    """When the way began, as the first record that has it says; None: that is not recorded."""
    answers = (record(resource, tenant_id, user_id, pk, way) for record in _registered)
    return next((answer for answer in answers if answer is not None), None)

"""What is asked of the record of who saw what, and where a page of the answer ends. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from permissions.audiences import Resource
from tenants.keys import Key


class Place(NamedTuple):
    """Where a page ends: the time at which its last row began, over what, and the row's key; in the
    middle of a window, also the last object's key."""

    began_at: datetime
    over: str
    pk: int
    object_id: Key | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """An object, or a user, in a span of time; for an object, also a field or a pushed version."""

    tenant_id: int
    since: datetime | None = None
    until: datetime | None = None
    resource: Resource | None = None
    object_id: Key | None = None
    user_id: int | None = None
    field: str | None = None
    etag: str | None = None

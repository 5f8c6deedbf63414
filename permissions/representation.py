"""An object as one audience sees it, and its name inside the server. No I/O, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

NO_ETAG: Final = ""
"""In the place of the etag of what cannot be shown: equal as long as that is so."""


class ObjectKey(NamedTuple):
    """An object's name inside the server: its resource's label and its key (see `tenants.keys`)."""

    model: str
    pk: Any


@dataclass(frozen=True, slots=True)
class Representation:
    """An object as one audience sees it at one version: immutable, shared by all who read it.

    `body` is the payload's JSON, None if the object cannot be shown; `revision` the tenant's access
    revision of the snapshot that it was read in; `schema` the digest of the audience's declared
    fields.
    """

    tenant_id: int
    key: ObjectKey
    audience: str
    version: int
    revision: int
    etag: str
    schema: str
    body: bytes | None

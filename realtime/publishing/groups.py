"""Group names: the only place that spells one.

A name is at most 99 letters, digits, hyphens, underscores and periods (channels, `layers.py`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from permissions.representation import ObjectKey
from tenants.keys import Key, spelled

DIGITS: Final = 19
"""Those of the largest integer. Two keys with one group would only be told of each other."""


def of_object(tenant_id: int, key: ObjectKey, audience: str) -> str:
    """Return the group of everybody who sees one object as one audience."""
    return f"earshot.{tenant_id}.{key.model}.{_spelled(key.pk)}.{audience}"


def of_model(tenant_id: int, model: str) -> str:
    """Return the group of every process with windows of a model: what was created or changed."""
    return f"earshot.{tenant_id}.{model}"


def of_tenant(tenant_id: int) -> str:
    """Return the group of every process with sockets of a tenant: notices of access changes."""
    return f"earshot.{tenant_id}"


def _spelled(pk: Key) -> Key:
    """Return an integer, or a digest as long as one: texts may have any length and characters."""
    if isinstance(pk, int):
        return pk
    return sha256(str(spelled(pk)).encode()).hexdigest()[:DIGITS]

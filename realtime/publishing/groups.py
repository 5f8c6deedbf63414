"""Group names: the only place that spells one.

A name is at most 99 letters, digits, hyphens, underscores and periods (channels, `layers.py`).
"""

from __future__ import annotations

from permissions.representation import ObjectKey


def of_object(tenant_id: int, key: ObjectKey, audience: str) -> str:
    """Return the group of everybody who sees one object as one audience."""
    return f"earshot.{tenant_id}.{key.model}.{key.pk}.{audience}"


def of_model(tenant_id: int, model: str) -> str:
    """Return the group of every process with windows of a model: what was created or changed."""
    return f"earshot.{tenant_id}.{model}"


def of_tenant(tenant_id: int) -> str:
    """Return the group of every process with sockets of a tenant: notices of access changes."""
    return f"earshot.{tenant_id}"

"""Counters of what tenants are refused."""

from __future__ import annotations

from prometheus_client import Counter

REFUSALS = Counter("earshot_refusals", "What a limit refused.", ["tenant", "limit"])


def count_refusal(tenant: str, limit: str) -> None:
    """A limit refused something to a tenant, by its slug; "" where that is not known yet."""
    REFUSALS.labels(tenant, limit).inc()

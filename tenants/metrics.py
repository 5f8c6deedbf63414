"""Counters of what is refused to tenants."""

from __future__ import annotations

from tenants import opaque
from tenants.models import Tenant
from tenants.multiprocess import Counter

REFUSALS = Counter("earshot_refusals", "Refusals by limits, by tenant.", ["tenant", "limit"])


def count_refusal(tenant_id: int | None, limit: str) -> None:
    """Count that a limit refused a tenant something; None where the tenant is not known.

    Metrics name it by an opaque id, which the operator's admin shows: its slug is for nobody else.
    """
    tenant = "" if tenant_id is None else opaque.encode(Tenant, tenant_id)
    REFUSALS.labels(tenant, limit).inc()

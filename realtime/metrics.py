"""Counters of what the realtime layer does and of what went wrong."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PUBLISH_FAILURES = Counter(
    "earshot_publish_failures", "Messages that the broker did not take; the tail delivers them."
)
FENCE_REFUSALS = Counter(
    "earshot_fence_refusals", "Frames that the fence kept from a subscription."
)
DRIFT = Counter("earshot_drift", "Writes that no hook saw, found and repaired.", ["model", "what"])
ROUND_FAILURES = Counter("earshot_round_failures", "Rounds that failed and were begun again.")
BROKER_UP = Gauge("earshot_broker_up", "Whether the last beat came back through the broker.")
SWEEP_LAG = Gauge(
    "earshot_sweep_lag_seconds", "By how much the sweep is behind its period, with its CPU budget."
)

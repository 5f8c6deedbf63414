"""Counters of what the realtime layer does and of what went wrong."""

from __future__ import annotations

from prometheus_client import Counter

PUBLISH_FAILURES = Counter(
    "earshot_publish_failures", "Messages that the broker did not take; the tail delivers them."
)
FENCE_REFUSALS = Counter(
    "earshot_fence_refusals", "Frames that the fence kept from a subscription."
)
DRIFT = Counter("earshot_drift", "Writes that no hook saw, found and repaired.", ["model", "what"])
ROUND_FAILURES = Counter("earshot_round_failures", "Rounds that failed and were begun again.")

"""Counters of what the realtime layer does and of what went wrong."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PUBLISH_FAILURES = Counter(
    "earshot_publish_failures", "Messages that the broker did not take; the tail delivers them."
)
SOCKETS = Gauge("earshot_sockets", "Sockets that are open.", multiprocess_mode="livesum")
SUBSCRIPTIONS = Gauge(
    "earshot_subscriptions", "Live copies that are held.", multiprocess_mode="livesum"
)
SOCKET_BYTES = Gauge(
    "earshot_socket_bytes",
    "Bytes that wait for sockets in all their queues; what several wait for counts for each.",
    multiprocess_mode="livesum",
)
SOCKET_BYTES_MAX = Gauge(
    "earshot_socket_bytes_max",
    "Bytes that wait for the socket for which most do.",
    multiprocess_mode="livemax",
)
FRAMES = Counter("earshot_frames", "Frames sent to clients.")
FRAME_BYTES = Counter("earshot_frame_bytes", "Bytes of frames sent to clients.")
CONFLATIONS = Counter("earshot_conflations", "States that were replaced before they were sent.")
CLOSES = Counter("earshot_closes", "Sockets closed by this server, by code.", ["code"])
ENDS = Counter("earshot_accesses_ended", "Live copies that ended, by cause.", ["cause"])
TAIL_SEEN = Gauge(
    "earshot_tail_seen_timestamp_seconds",
    "When the tail last looked, of the process that is furthest behind.",
    multiprocess_mode="livemin",
)
FENCE_REFUSALS = Counter(
    "earshot_fence_refusals", "Frames that the fence kept from a subscription."
)
DRIFT = Counter("earshot_drift", "Writes that no hook saw, found and repaired.", ["model", "what"])
ROUND_FAILURES = Counter("earshot_round_failures", "Rounds that failed and were begun again.")
BROKER_UP = Gauge(
    "earshot_broker_up",
    "Whether the last beat came back through the broker, in every process.",
    multiprocess_mode="livemin",
)
SWEEP_LAG = Gauge(
    "earshot_sweep_lag_seconds",
    "By how much the sweep is behind its period, with its CPU budget.",
    multiprocess_mode="livemax",
)

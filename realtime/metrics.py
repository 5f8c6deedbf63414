"""Counters of what the realtime layer does and of what went wrong."""

from __future__ import annotations

import math

from tenants.multiprocess import Counter, Gauge, Histogram

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
    "When the tail last looked, of the process that is furthest behind; now where nobody listens.",
    multiprocess_mode="livemin",
)
FENCE_REFUSALS = Counter(
    "earshot_fence_refusals", "Frames that the fence kept from a subscription."
)
DRIFT = Counter(
    "earshot_drift", "Writes that no trigger saw, found and repaired.", ["model", "what"]
)
ROUND_FAILURES = Counter("earshot_round_failures", "Rounds that failed and were begun again.")
BROKER_UP = Gauge(
    "earshot_broker_up",
    "Whether the last beat came back through the broker, in every process with sockets.",
    multiprocess_mode="livemin",
)
SWEEP_LAG = Gauge(
    "earshot_sweep_lag_seconds",
    "By how much the sweep is behind its period, with its CPU budget.",
    multiprocess_mode="livemax",
)
ROUND_SECONDS = Histogram("earshot_round_seconds", "How long rounds took that did not fail.")
DELIVERY_SECONDS = Histogram(
    "earshot_delivery_seconds",
    "From a commit until its frame was handed to all sockets of a process, by both clocks.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def begin() -> None:
    """A hub begins: its tail is behind from now on, until it looks."""
    TAIL_SEEN.set_to_current_time()


def rest() -> None:
    """This process has no hub: it has no sockets, is behind in nothing, and misses no broker.

    What a file of an earlier process of the same number holds does not count either.
    """
    SOCKETS.set(0)
    SUBSCRIPTIONS.set(0)
    SWEEP_LAG.set(0)
    BROKER_UP.set(1)
    TAIL_SEEN.set(math.inf)  # the least of all processes counts


rest()

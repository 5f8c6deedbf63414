"""Metrics of the realtime layer."""

from __future__ import annotations

import math

from tenants.multiprocess import Counter, Gauge, Histogram, all_at_once

PUBLISH_FAILURES = Counter(
    "earshot_publish_failures", "Messages the broker did not accept; the tail delivers them."
)
UNREADABLE = Counter(
    "earshot_unreadable_messages",
    "Messages of the broker that this process's keys do not decrypt; the tail delivers them.",
)
SOCKETS = Gauge("earshot_sockets", "Open sockets.", multiprocess_mode="livesum")
SUBSCRIPTIONS = Gauge("earshot_subscriptions", "Live subscriptions.", multiprocess_mode="livesum")
SOCKET_BYTES = Gauge(
    "earshot_socket_bytes",
    "Bytes queued for all sockets; bytes shared by several sockets count for each.",
    multiprocess_mode="livesum",
)
SOCKET_BYTES_MAX = Gauge(
    "earshot_socket_bytes_max",
    "Bytes queued for the socket with the longest queue.",
    multiprocess_mode="livemax",
)
FRAMES = Counter("earshot_frames", "Frames sent to clients.")
FRAME_BYTES = Counter("earshot_frame_bytes", "Bytes of frames sent to clients.")
CONFLATIONS = Counter("earshot_conflations", "States replaced by newer ones before they were sent.")
CLOSES = Counter("earshot_closes", "Sockets closed by this server, by code.", ["code"])
ENDS = Counter("earshot_accesses_ended", "Ended subscriptions, by cause.", ["cause"])
FENCE_REFUSALS = Counter("earshot_fence_refusals", "Frames the fence withheld from a subscription.")
DRIFT = Counter(
    "earshot_drift", "Writes that no trigger captured, found and repaired.", ["model", "what"]
)
ORACLE = Counter(
    "earshot_oracle_frames",
    "Frames that were to be compared with what REST answers, by what came of it.",
    ["outcome"],
)
ORACLE_DIFFERENCES = Counter(
    "earshot_oracle_differences",
    "Delivered frames that differ from what REST answers.",
    ["model", "audience"],
)
ROUND_FAILURES = Counter("earshot_round_failures", "Rounds that failed and were started again.")
SWEEP_LAG = Gauge(
    "earshot_sweep_lag_seconds",
    "How far the sweep is behind its period, given its CPU budget.",
    multiprocess_mode="livemax",
)
ROUND_SECONDS = Histogram("earshot_round_seconds", "Duration of successful rounds.")
DELIVERY_SECONDS = Histogram(
    "earshot_delivery_seconds",
    "Time from a commit until its frame was handed to all sockets of a process.",
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


# Else a scrape meanwhile would take the broker for away, and the tail for years behind.
with all_at_once():
    TAIL_SEEN = Gauge(
        "earshot_tail_seen_timestamp_seconds",
        "When the tail last looked, in the process furthest behind; now if no process has a hub.",
        multiprocess_mode="livemin",
    )
    BROKER_UP = Gauge(
        "earshot_broker_up",
        "1 if the last broker probe came back in every process with sockets, else 0.",
        multiprocess_mode="livemin",
    )
    rest()

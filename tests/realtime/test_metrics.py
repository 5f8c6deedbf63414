"""The names under which operators find the counters."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import REGISTRY

from realtime import metrics


def test_counters_have_the_names_that_operators_scrape() -> None:
    counters = (
        (metrics.PUBLISH_FAILURES, "earshot_publish_failures", ()),
        (metrics.UNREADABLE, "earshot_unreadable_messages", ()),
        (metrics.FENCE_REFUSALS, "earshot_fence_refusals", ()),
        (metrics.DRIFT, "earshot_drift", ("model", "what")),
        (metrics.ORACLE, "earshot_oracle_frames", ("outcome",)),
        (metrics.ORACLE_DIFFERENCES, "earshot_oracle_differences", ("model", "audience")),
        (metrics.ROUND_FAILURES, "earshot_round_failures", ()),
    )
    collected = {family.name for family in REGISTRY.collect()}
    for counter, name, labels in counters:
        assert counter._labelnames == labels
        assert name in collected


def test_worker_that_begins_is_seen_when_its_gauges_are_right(tmp_path: Path) -> None:
    """A scrape between their making and their setting saw the broker away, for a moment."""
    script = (
        "import fcntl, tenants.multiprocess as workers\n"
        "made = workers.Gauge.__init__\n"
        "def watched(self, name, *args, **kwargs):\n"
        "    made(self, name, *args, **kwargs)\n"
        "    with open(workers.folder() / workers.FOLDER_LOCK, 'w') as lock:\n"
        "        try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "        except BlockingIOError: return\n"
        "    print(name)\n"
        "workers.Gauge.__init__ = watched\n"
        "import realtime.metrics\n"
    )
    variables = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    seen_as_they_begin = set(done.stdout.split())
    assert "earshot_sockets" in seen_as_they_begin  # which begins with 0 rightly
    right = {"earshot_broker_up", "earshot_tail_seen_timestamp_seconds"}
    assert not seen_as_they_begin & right

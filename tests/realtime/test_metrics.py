"""The names under which operators find the counters."""

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

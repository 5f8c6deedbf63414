"""The token bucket, at times that the test chooses."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.state.rate_limit import TokenBucket


def allowed(bucket: TokenBucket, now: float, events: int) -> int:
    return sum(bucket.allow(now) for _ in range(events))


def test_bucket_allows_burst_at_once_and_nothing_more() -> None:
    assert allowed(TokenBucket(rate=2, burst=5, now=100), 100, 9) == 5


def test_bucket_fills_at_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=5, now=0)
    allowed(bucket, 0, 5)
    assert allowed(bucket, 0.25, 3) == 0
    assert allowed(bucket, 0.5, 3) == 1
    assert allowed(bucket, 2, 9) == 3


def test_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=2, burst=5, now=0)
    assert allowed(bucket, 1000, 9) == 5


def test_refused_events_do_not_count() -> None:
    bucket = TokenBucket(rate=1, burst=1, now=0)
    assert allowed(bucket, 0, 100) == 1
    assert bucket.allow(1)


@given(st.lists(st.floats(0, 10, allow_nan=False), max_size=60))
def test_bucket_never_allows_more_than_burst_and_rate_together(waits: list[float]) -> None:
    bucket = TokenBucket(rate=3, burst=4, now=0)
    now, count = 0.0, 0
    for wait in waits:
        now += wait
        count += bucket.allow(now)
        assert count <= 4 + 3 * now + 1e-6

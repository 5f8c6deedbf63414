"""Rate limits of a socket. No I/O."""

from __future__ import annotations


class TokenBucket:
    """Allows `rate` events a second on average, and bursts of `burst`; times are in seconds."""

    __slots__ = ("at", "burst", "left", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.left = burst
        self.at = now

    def allow(self, now: float) -> bool:
        """Whether one more event at this time is within the limit; if so it is counted."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True

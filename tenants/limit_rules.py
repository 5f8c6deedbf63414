"""What limits must be to make sense: bounds of each, and which must not exceed which.

Data only, so that there is one place to look; `tenants/limits.py` applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

LEAST: Final = {
    "client_frame_bytes": 256,  # a subscribe frame with its etag must fit
}

MOST: Final = {
    "broker_timeout_seconds": 60.0,
    "client_frame_bytes": 1_000_000,  # Daphne drops the connection above a mebibyte
    "database_connections": 1_000,
    "drain_seconds": 600.0,  # whoever stops processes waits no longer
    "executor_threads": 256,
    "hsts_seconds": 315_360_000,
    "oracle": 1.0,
    "page_size_max": 1_000,
    "password_link_hours": 8_760,
    "listen": 1,
    "preframed": 1,
    "proxies": 100,
    "round_size": 5_000,  # each pair is a parameter or two of a statement
    "sweep_budget": 1.0,
    "ticket_seconds": 600,  # it travels in a URL
    "token_hours": 87_600,
}

BY_UNIT: Final = {
    "seconds": (0.01, 86_400.0),
    "hours": (1, 87_600),
    "bytes": (1, 2**30),
}
"""The bounds of the others, by the last word of their name."""

COUNT: Final = (0, 10**9)


class Rule(NamedTuple):
    """`times` times the lower limit must not exceed the higher one."""

    lower: str
    higher: str
    why: str
    times: float = 1


RULES: Final = (
    Rule(
        "tail_seconds", "process_lost_seconds",
        "a process reports itself alive at each look, and one look may fail", times=2,
    ),
    Rule("retry_min_seconds", "retry_max_seconds", "they are the two ends of the same window"),
    Rule(
        "page_size", "page_size_max",
        "the default page size must be one that clients may ask for",
    ),
)  # fmt: skip


class Contradiction(ValueError):
    """Two limits contradict each other."""

    def __init__(self, rule: Rule, lower: float, higher: float) -> None:
        super().__init__(rule, lower, higher)
        self.rule = rule
        self.lower = lower
        self.higher = higher

    def __str__(self) -> str:
        low, high = (f"EARSHOT_{name.upper()}" for name in self.rule[:2])
        times = "" if self.rule.times == 1 else f"{self.rule.times:g} times "
        return (
            f"{low} is {self.lower:g} and {high} is {self.higher:g}, but {times}{low} must not "
            f"exceed {high}: {self.rule.why}. Lower the first or raise the second."
        )


def bounds(name: str, default: float) -> tuple[float, float]:
    """Return the least and the greatest value that a limit of this name may have."""
    least, most = BY_UNIT.get(name.rpartition("_")[2], COUNT)
    if isinstance(default, int):
        least = int(least)
    return LEAST.get(name, least), MOST.get(name, most)


def check_together(values: Mapping[str, Any]) -> None:
    """Raise Contradiction for the first two limits that make no sense together."""
    for rule in RULES:
        lower, higher = values[rule.lower], values[rule.higher]
        if lower * rule.times > higher:
            raise Contradiction(rule, lower, higher)

"""What a close code asks of a client: a pure function, and its table. Seconds everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MEANINGS: Final = {1001: 4503, 1012: 4503, 1005: 4500, 1006: 4500, 1011: 4500}
FINAL: Final = frozenset({1000, 1002, 1007, 1009, 4400, 4403, 4413})
FORGET: Final = frozenset({4401, 4403})
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
LONGEST_TIMER: Final = 2e6
"""One of more than 24 days would end at once in a browser, of whose client this is the table."""


class Ended(Exception):
    """A connection has ended, with this code, and REST asked for this delay."""

    def __init__(self, code: int, asked: float = 0) -> None:
        super().__init__(code)
        self.code, self.asked = code, asked


@dataclass(frozen=True)
class Past:
    """What earlier closes left behind: failures in a row, and whether a credential was renewed."""

    failures: int = 0
    renewed: bool = False


@dataclass(frozen=True)
class Next:
    """What to do: come back after `delay`, or stay away if it is None; `forget` what is held, and
    `renew` the credential first."""

    delay: float | None
    forget: bool
    renew: bool
    past: Past


def after_close(
    code: int, past: Past, window: tuple[float, float], random: float, asked: float = 0
) -> Next:
    """Return what to do after a close.

    `window` is WELCOME's `retry`, `random` is in [0, 1), and `asked` the least delay that REST
    asked for.
    """
    meaning = MEANINGS.get(code, code)
    forget = meaning in FORGET
    renew = meaning == 4401 and not past.renewed
    if meaning in FINAL or (meaning == 4401 and past.renewed):
        return Next(None, forget, renew, Past())
    low, high = window
    if meaning == 4401:
        delay, past = 0.0, replace(past, renewed=True)
    elif meaning == 4429:
        delay = high + random * (high - low)
    elif meaning == 4503:
        delay = low + random * (high - low)
    else:
        longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(past.failures, 10))
        delay, past = longest * random, replace(past, failures=past.failures + 1)
    return Next(max(delay, asked), forget, renew, past)


def renew_after(left: float) -> float | None:
    """Return when to go on by a fresh credential if this one ends after `left` seconds: when nine
    tenths are over, or None once it is too late."""
    return min(left * 0.9, LONGEST_TIMER) if left > 1 else None

"""Waiting for the publisher: what a test wrote is announced, before it looks for what came."""

from __future__ import annotations

from typing import Final

from realtime.publishing.publisher import publisher

SECONDS: Final = 30
"""Until when it must be; it takes some milliseconds where nothing else runs."""


def announced() -> None:
    """Return once nothing is left to announce; fail where that takes longer than any machine."""
    assert publisher.flush(SECONDS)

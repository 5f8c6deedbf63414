"""Where a reader is shown an object, for the probe: apps above this one register their doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from permissions.audiences import Resource
from tenants.keys import Key


class Shown(NamedTuple):
    """All that somebody is answered or sent at one door, with its name."""

    door: str
    answer: bytes


Door = Callable[[Resource, int, Any, Key], Iterator[Shown]]
"""Yields what a tenant's user is shown of an object there."""

_registered: Final[dict[Door, None]] = {}


def register(door: Door) -> None:
    """Have the probe look at this door, too."""
    _registered[door] = None


def registered() -> tuple[Door, ...]:
    """Return the doors besides REST."""
    return tuple(_registered)

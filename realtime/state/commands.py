"""The commands that a client may send. No I/O, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime.state.messages import Reference

MAX_REF = 2**53
MAX_NAME = 64
MAX_ETAG = 64
"""Far above the longest etag: a longer one cannot match, and is not kept."""


class InvalidFrame(Exception):
    """A frame is not a valid command; holds the reason and the client's `ref`, if usable."""

    def __init__(self, detail: str, ref: Reference | None = None) -> None:
        self.detail = detail
        self.ref = ref
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a PONG."""

    ref: Reference | None


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a command names: as the client wrote it, and its key (None: no such id)."""

    model: str
    id: str
    pk: int | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for a live copy of an object; `etag` names the payload the client holds."""

    target: Target
    etag: str | None
    ref: Reference | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Ask to end the subscription of an object."""

    target: Target
    ref: Reference | None


Command = Ping | Subscribe | Unsubscribe


def is_reference(value: Any) -> bool:
    """Return whether a value can be a `ref`: at most 64 characters, or an integer within ±2⁵³."""
    if type(value) is int:
        return -MAX_REF <= value <= MAX_REF
    return isinstance(value, str) and len(value) <= 64

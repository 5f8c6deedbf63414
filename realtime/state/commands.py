"""What a client may ask for. No I/O, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime.state.messages import Reference

MAX_REF = 2**53
MAX_NAME = 64
MAX_ETAG = 64
"""Far above the longest etag: a longer one is not right, and is not kept."""


class InvalidFrame(Exception):
    """A frame that is no command; holds what is wrong and the client's `ref`, if it is usable."""

    def __init__(self, detail: str, ref: Reference | None = None) -> None:
        self.detail = detail
        self.ref = ref
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer me."""

    ref: Reference | None


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a command names: as the client wrote it, and its key (None: no such id)."""

    model: str
    id: str
    pk: int | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Keep me a live copy of this object; `etag` names the payload that I hold."""

    target: Target
    etag: str | None
    ref: Reference | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """End my subscription of this object."""

    target: Target
    ref: Reference | None


Command = Ping | Subscribe | Unsubscribe


def is_reference(value: Any) -> bool:
    """A `ref` is a string of at most 64 characters or an integer that every JSON reader keeps."""
    if type(value) is int:
        return -MAX_REF <= value <= MAX_REF
    return isinstance(value, str) and len(value) <= 64

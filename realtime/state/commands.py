"""The commands that a client may send. No I/O, no Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from realtime.state.messages import Reference

MAX_REF = 2**53
MAX_REF_TEXT = 64
MAX_NAME = 64
MAX_ETAG = 64
"""Far above the longest etag: a longer one cannot match, and is not kept."""
MOST_ROWS: Final = 1_000
"""The largest `limit` of a window."""
ROWS: Final = 100
"""The `limit` of a window that names none."""
MOST_HAVE: Final = 300
"""Etags that a window may name; the other rows come whole."""


class InvalidFrame(Exception):
    """A frame is not a valid command; holds the reason and the client's `ref` and `window`, if
    usable."""

    def __init__(
        self, detail: str, ref: Reference | None = None, window: str | None = None
    ) -> None:
        self.detail = detail
        self.ref = ref
        self.window = window
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a PONG."""

    ref: Reference | None


@dataclass(frozen=True, slots=True)
class Renew:
    """Ask to go on by the credential that this ticket stands for."""

    ticket: str
    ref: Reference | None


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a command names: as the client wrote it, and its key (None: no such id)."""

    model: str
    id: str
    pk: Any | None


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


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """Ask for a live list: at most `limit` objects of the model after a cursor, filtered by
    `where`; `have` are the etags of the payloads that the client holds, by id."""

    model: str
    window: str
    where: tuple[tuple[str, tuple[Any, ...]], ...]
    limit: int
    after: str | None
    have: Mapping[str, str]
    ref: Reference | None


@dataclass(frozen=True, slots=True)
class CloseWindow:
    """Ask to end a window."""

    model: str
    window: str
    ref: Reference | None


Obeyed = Ping | Subscribe | Unsubscribe | OpenWindow | CloseWindow
"""Commands of which the hub needs nothing but the socket as it is."""
Command = Obeyed | Renew

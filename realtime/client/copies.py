"""What applications are shown: an object, a list, and what has changed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Payload = Mapping[str, Any]


def help_of(code: str | int) -> str:
    """Return the path of the server's page about the code of an error or of a close."""
    return f"/api/docs/errors/{code}/"


@dataclass(frozen=True)
class Answer:
    """An object as REST answered it: the body, the `ETag` without quotes, and `X-Audience`."""

    payload: Payload
    etag: str
    audience: str


@dataclass(frozen=True)
class Refusal:
    """Why the server refused."""

    code: str
    detail: str

    @property
    def help(self) -> str:
        """Return where the server has a page about it: what you see, why, what to do."""
        return help_of(self.code)


@dataclass(frozen=True)
class Copy:
    """An object as it is now.

    pending: asked for, or cut off (then with the last payload); gone: deleted, or no longer yours;
    refused: the server answered with `error`. The last two stay until asked again. `changed` names
    the fields that the last update changed.
    """

    id: str
    state: Literal["pending", "live", "gone", "refused"]
    audience: str | None = None
    payload: Payload | None = None
    changed: Sequence[str] = ()
    etag: str | None = None
    error: Refusal | None = None


@dataclass(frozen=True)
class Change:
    """What has happened to a row; one that entered stands above `before`, or at the end."""

    type: Literal["entered", "left", "updated"]
    id: str
    before: str | None = None


@dataclass(frozen=True)
class Rows:
    """A live list, newest first; `changes` are those since the one before.

    `more` says whether there is anything below, and `cursor` where.
    """

    state: Literal["pending", "live", "refused"]
    rows: tuple[Copy, ...]
    more: bool
    cursor: str | None
    error: Refusal | None = None
    changes: tuple[Change, ...] = ()


def changes_of(before: Mapping[str, str | None], rows: Sequence[Copy]) -> list[Change]:
    """Return what has happened since the rows had the etags `before`, by id."""
    now = {row.id for row in rows}
    left = [Change("left", id) for id in before if id not in now]
    other = []
    for place, row in reversed(list(enumerate(rows))):
        if row.id not in before:
            below = rows[place + 1].id if place + 1 < len(rows) else None
            other.append(Change("entered", row.id, below))
        elif before[row.id] != row.etag:
            other.append(Change("updated", row.id))
    return [*left, *other]

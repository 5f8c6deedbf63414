"""Frames: what goes to one audience of one object, encoded once, the same for all who get it.

A frame without a body says that this version cannot be shown to the audience.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from permissions.representation import ObjectKey, Representation
from realtime.state import messages


class Digest(NamedTuple):
    """What is kept of a state when its body is not: one for all who have that state."""

    version: int
    audience: str
    etag: str
    size: int

    @property
    def available(self) -> bool:
        """It is of a payload, as a frame may be."""
        return True

    @property
    def digest(self) -> Digest:
        """Itself: it stands where a frame may."""
        return self


@dataclass(frozen=True)
class Frame:
    """A representation and the payload fields that its version changed; immutable.

    `committed` is when the change did, if another process said so, by its clock.
    """

    seen: Representation
    changed: tuple[str, ...]
    committed: float | None = field(default=None, compare=False)

    @property
    def key(self) -> ObjectKey:
        """The object shown."""
        return self.seen.key

    @property
    def version(self) -> int:
        """The object's version shown."""
        return self.seen.version

    @property
    def available(self) -> bool:
        """Whether there is a payload."""
        return self.seen.body is not None

    @property
    def size(self) -> int:
        """The payload's bytes."""
        return len(self.seen.body or b"")

    @cached_property
    def digest(self) -> Digest:
        """What those who have been sent the frame keep of it."""
        s = self.seen
        return Digest(s.version, s.audience, s.etag, self.size)

    def update_text(self, id: str) -> str:
        """The UPDATE frame's text, made once in each process; `id` is the object's on the wire."""
        made: str | None = self.__dict__.get("_update_text")
        if made is None:
            s = self.seen
            assert s.body is not None  # else there is nothing to update to
            made = messages.updated(s.key.model, id, s.audience, s.etag, self.changed, s.body)
            self.__dict__["_update_text"] = made
        return made

    def entered_text(self, id: str) -> str:
        """The beginning of the ENTERED frame's text, made once in each process."""
        made: str | None = self.__dict__.get("_entered_text")
        if made is None:
            s = self.seen
            made = messages.entered(s.key.model, id, s.audience, s.etag, s.body)
            self.__dict__["_entered_text"] = made
        return made

    def in_window_text(self, id: str, window: str, before: str | None) -> str:
        """The ENTERED frame's text for windows of this name in which it stands above this row: the
        last one that was made is kept, since many are sent it one after another."""
        made: tuple[str, str | None, str] | None = self.__dict__.get("_in_window")
        if made is None or made[0] != window or made[1] != before:
            text = messages.in_window(self.entered_text(id), window, before)
            made = self.__dict__["_in_window"] = (window, before, text)
        return made[2]

    def values(self, fields: Iterable[str]) -> Mapping[str, Any]:
        """The payload's values of these fields, as far as it has them: its resource's filters, so
        they are read once in each process."""
        made: dict[str, Any] | None = self.__dict__.get("_values")
        if made is None:
            payload = orjson.loads(self.seen.body or b"{}")
            made = {name: payload[name] for name in fields if name in payload}
            self.__dict__["_values"] = made
        return made

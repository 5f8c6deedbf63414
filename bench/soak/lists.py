"""The windows of a client of the socket, kept as docs/protocol.md says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

Target = tuple[str, str]

DOCUMENT = "resources.document"
NAME = "window "
"""What a window's answer is awaited under begins so, in the place of an id."""


@dataclass
class List:
    """A window: what it asks for, and its rows while it is open."""

    name: str
    limit: int
    status: str | None = None
    rows: list[str] = field(default_factory=list)
    more: bool = False
    moved_at: float = 0.0  # by `time.monotonic`

    @property
    def target(self) -> Target:
        """What its answer is awaited under."""
        return DOCUMENT, NAME + self.name

    @property
    def query(self) -> str:
        """What the list GET is asked for the same."""
        return "limit=100" + (f"&status={self.status}" if self.status else "")

    def opening(self, copies: dict[Target, tuple[Any, str]]) -> dict[str, Any]:
        """The frame that opens it, with what the client holds."""
        have = {id: etag for (model, id), (_, etag) in copies.items() if model == DOCUMENT}
        frame: dict[str, Any] = {"model": DOCUMENT, "window": self.name, "limit": self.limit}
        if self.status:
            frame["where"] = {"status": self.status}
        return frame | ({"have": have} if have else {})

    def apply(self, frame: dict[str, Any]) -> None:
        """Obey a frame about it."""
        self.moved_at = time.monotonic()
        if frame["type"] == "ENTERED":
            above = frame["before"]
            place = self.rows.index(above) if above else len(self.rows)
            self.rows.insert(place, frame["id"])
        elif frame["type"] == "LEFT":
            self.rows.remove(frame["id"])
        else:
            self.more = frame["more"]

    def differs(self, payloads: list[Any], expected: list[Any]) -> bool:
        """Whether these are not the beginning of the list, as long as they have to be."""
        least = min(len(expected), (self.limit + 1) // 2)
        if payloads != expected[: len(payloads)] or not least <= len(payloads) <= self.limit:
            return True
        return not self.more and len(payloads) < len(expected)


def lists(number: int) -> dict[str, List]:
    """The windows of a client: of everything, and, every second one, of few drafts beside."""
    every = [List("all", 100)]
    few = [List("drafts", 3, "draft")] if number % 2 else []
    return {one.name: one for one in (*every, *few)}

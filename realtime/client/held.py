"""What a client keeps of objects and windows. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from .copies import Copy, Payload, Refusal

Options = Mapping[str, Any]

HAVE_BYTES: Final = 11_000
"""Of ids and etags: fewer than the 300 that a window may name, in a frame below 16 KiB."""


class Data:
    """The newest state of an object that the server has told of."""

    def __init__(self, audience: str, etag: str, payload: Payload, changed: Sequence[str]) -> None:
        self.audience, self.etag, self.payload, self.changed = audience, etag, payload, changed


class Item:
    """An object that is held for its own sake (`single`), by windows, or both.

    `waiting` says that the answer to the subscribe with `ref` is still to come; `over` is what is
    shown of a subscription that has ended, and `stale` says that the data may be outdated.
    """

    def __init__(self, model: str, id: str) -> None:
        self.model, self.id = model, id
        self.single = self.waiting = self.stale = False
        self.ref = 0
        self.over: Copy | None = None
        self.data: Data | None = None
        self.drafts: list[Payload] = []
        self.seen: list[str] = []
        self.windows: set[Window] = set()

    def copy(self) -> Copy:
        """Return what is shown to whoever asked for the object by its id."""
        return self.over or self.row()

    def row(self) -> Copy:
        """Return what is shown in lists."""
        data = self.data
        if data is None:
            return Copy(self.id, "pending")
        payload = dict(data.payload)
        for draft in self.drafts:
            payload |= draft
        state: Literal["pending", "live"] = "pending" if self.stale else "live"
        return Copy(self.id, state, data.audience, payload, data.changed, data.etag)


class Window:
    """A live list: the ids of its `rows`, and of those to `come` while it is asked for."""

    def __init__(self, model: str, options: Options) -> None:
        self.model, self.options = model, options
        self.rows: list[str] = []
        self.coming: list[str] | None = None
        self.name: str | None = None
        self.state: Literal["pending", "live", "refused"] = "pending"
        self.more = False
        self.cursor: str | None = None
        self.error: Refusal | None = None


def etags(items: Iterable[Item], model: str) -> dict[str, str]:
    """Return the etags of the payloads of this model that are held, as many as may be named."""
    found, size = {}, 0
    for item in items:
        if item.model == model and item.data is not None:
            size += len(item.id) + len(item.data.etag) + 6
            if size < HAVE_BYTES:
                found[item.id] = item.data.etag
    return found

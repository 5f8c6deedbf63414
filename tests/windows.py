"""A client of windows: what it holds, and what the list GET of the same user says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from resources.models import Document
from tenants import opaque
from tests.client import SocketClient, connect, first_look, in_thread, quiet
from tests.documented import rule_of_windows
from tests.world import World

DOCUMENT = "resources.document"
RULE = rule_of_windows()


class Windows:
    """The windows of one socket as its client keeps them: ids in order by name, and what was said
    of more."""

    def __init__(self, world: World, username: str, socket: SocketClient) -> None:
        self.world = world
        self.username = username
        self.socket = socket
        self.rows: dict[str, list[str]] = {}
        self.more: dict[str, bool] = {}
        self.cursors: dict[str, str | None] = {}
        self._apply = socket.apply
        socket.apply = self.apply  # type: ignore[method-assign]

    def apply(self, frame: dict[str, Any]) -> None:
        """Keep the copies, the rows and their order."""
        kind, name = frame["type"], frame.get("window")
        if kind == "ENTERED" and name in self.rows:
            assert frame["id"] not in self.rows[name], frame
        RULE(self.rows, frame)
        if kind in ("MORE", "SUBSCRIBED") and name in self.rows:
            self.more[name], self.cursors[name] = frame["more"], frame["cursor"]
        self._apply(frame)

    async def open(self, name: str = "w", **more: Any) -> dict[str, Any]:
        """Open a window, and return its answer."""
        self.rows[name] = []
        await self.socket.send({"model": DOCUMENT, "window": name, "ref": f"open {name}", **more})
        while (frame := await self.socket.receive()).get("ref") != f"open {name}":
            assert "close" not in frame, frame
        return frame

    async def close(self, name: str = "w") -> None:
        """Close a window."""
        await self.socket.send(
            {"action": "unsubscribe", "model": DOCUMENT, "window": name, "ref": f"close {name}"}
        )
        while (frame := await self.socket.receive()).get("ref") != f"close {name}":
            assert "close" not in frame, frame
        del self.rows[name]

    def shown(self, name: str = "w") -> list[dict[str, Any]]:
        """The window's payloads, in its order."""
        return [self.socket.copies[DOCUMENT, id] for id in self.rows[name]]

    async def check(self, name: str = "w", limit: int = 100, **where: Any) -> None:
        """The window is the beginning of the list GET of this user: same rows, order, payloads."""
        expected = await in_thread(listed)(self.world, self.username, where)
        shown = self.shown(name)
        assert shown == expected[: len(shown)]
        assert len(shown) <= limit
        assert len(shown) >= min(len(expected), (limit + 1) // 2)
        assert self.more[name] or len(shown) == len(expected)


def listed(world: World, username: str, where: dict[str, Any]) -> list[dict[str, Any]]:
    """All that the list GET says to this user."""
    answer = world.rest(username).get("/api/documents/", where).json()
    found: list[dict[str, Any]] = answer["results"]
    return found


async def opened(world: World, username: str) -> Windows:
    """A welcomed socket of the user's, as an entered client of windows, with nothing under way."""
    socket = await in_thread(connect)(world, username)
    await socket.__aenter__()
    assert (await socket.receive())["type"] == "WELCOME"
    await first_look()
    await quiet()
    return Windows(world, username, socket)


Open = Callable[..., Awaitable[Windows]]


def id_of(document: Document) -> str:
    """A document's id on the wire."""
    return opaque.encode(Document, document.pk)


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    """The types of these frames."""
    return [f["type"] for f in frames]

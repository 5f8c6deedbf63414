"""Snapshot plus frames equals a fresh GET, for every reader, whatever was done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

from tests.client import SocketClient, in_thread, quiet
from tests.world import World


class Watcher:
    """A user with a socket: what they hold of an object, and what REST would tell them now."""

    def __init__(self, world: World, username: str, socket: SocketClient) -> None:
        self.world = world
        self.username = username
        self.socket = socket

    def held(self, model: str, id: str) -> dict[str, Any] | None:
        """The live copy."""
        return deepcopy(self.socket.copies.get((model, id)))

    def fresh(self, path: str) -> dict[str, Any] | None:
        """The REST answer: the payload, or None where they may not see it."""
        answer = self.world.rest(self.username).get(path)
        assert answer.status_code in (200, 404, 401, 403), answer.content
        return dict(answer.json()) if answer.status_code == 200 else None


@asynccontextmanager
async def verify_converges(
    watchers: list[Watcher], model: str, id: str, path: str
) -> AsyncIterator[dict[str, list[dict[str, Any]]]]:
    """After the block each watcher's copy must equal a fresh GET; frames come only if it moved.

    Yields a dict that maps usernames, afterwards, to the frames that they received.
    """
    received: dict[str, list[dict[str, Any]]] = {}
    before = {w.username: w.held(model, id) for w in watchers}
    yield received
    await quiet()
    for w in watchers:
        received[w.username] = frames = await w.socket.come()
        fresh = await in_thread(w.fresh)(path)
        assert w.held(model, id) == fresh, f"{w.username} did not converge: {frames}"
        about = [f for f in frames if f.get("id") == id]
        if before[w.username] == fresh:
            assert about == [], f"{w.username} received what they cannot see: {about}"
        else:
            assert len(about) == 1, f"{w.username} received {about} for one change"
            check_frame(about[0], before[w.username], fresh)


def check_frame(
    frame: dict[str, Any], before: dict[str, Any] | None, fresh: dict[str, Any] | None
) -> None:
    """A frame names only fields of its payload, and those that really differ are among them."""
    assert set(frame) <= {"type", "model", "id", "audience", "etag", "changed", "payload"}
    if fresh is None:
        assert set(frame) == {"type", "model", "id"}
    elif before is not None and frame["type"].startswith("UPDATE_"):
        assert set(frame["changed"]) <= set(fresh)
        assert {name for name in fresh if fresh[name] != before.get(name)} <= set(frame["changed"])

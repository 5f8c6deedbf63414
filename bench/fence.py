"""The fence: what it costs on the way of a frame from the hub to the server's `send`.

The real fence and one that always says yes take turns in one run,
on the same subscriptions, through the same mailboxes and the same senders.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()


from bench.figures import Row, spread  # noqa: E402  (needs the settings)
from permissions.representation import ObjectKey, Representation  # noqa: E402
from realtime.hub.delivery import Delivery  # noqa: E402
from realtime.hub.group_membership import Group  # noqa: E402
from realtime.publishing import groups  # noqa: E402
from realtime.state import fence  # noqa: E402
from realtime.state.frames import Frame  # noqa: E402
from realtime.state.sockets import Socket  # noqa: E402
from realtime.state.subscriptions import State, Subscription  # noqa: E402
from realtime.transport.sender import Sender  # noqa: E402
from realtime.transport.websocket import WebSocket  # noqa: E402
from tenants.credentials import Client, Credential, Identity  # noqa: E402

SOCKETS = int(os.environ.get("SOCKETS") or 1000)
FRAMES = 30
RUNS = 31
KEY = ObjectKey("resources.document", 1)
AUDIENCE = "viewer"


class Listener:
    """A subscription with the consumer's own sender, in front of a server that takes everything."""

    def __init__(self, number: int, taken: Callable[[], None]) -> None:
        transport = WebSocket(self._taken)
        sender = Sender(f"{number}", transport, 1, _nothing)
        identity = Identity(1, 1, "acme", "member", Credential("token", "digest", None))
        client, now = Client("127.0.0.1", "bench"), datetime.now(UTC)
        socket = Socket(
            f"{number}",
            identity,
            client,
            now,
            sender.mailbox,
            sender.cut,
            sender.buffered,
            lambda _: None,
        )
        transport.admitted({"client_frame_bytes": 0, "preframed": False})
        sender.serve(socket)
        self._count = taken
        self.subscription = Subscription(socket, KEY, "id")
        self.subscription.state = State.LIVE
        self.subscription.audience = AUDIENCE

    async def _taken(self, event: dict[str, Any]) -> None:
        self._count()


def _nothing() -> None:
    """Nobody goes here."""


def frame(version: int) -> Frame:
    """A frame of some hundred bytes."""
    body = b'{"id":"Xk3mWq9z","title":"Title","body":"' + b"text " * 50 + b'","status":"draft"}'
    seen = Representation(
        tenant_id=1, key=KEY, audience=AUDIENCE, version=version, revision=0,
        etag=f"{version:032d}", schema="", body=body,
    )  # fmt: skip
    return Frame(seen, ("title",))


@contextmanager
def always_yes() -> Iterator[None]:
    """No fence."""
    real: Callable[..., bool] = fence.passes
    fence.passes = lambda *_: True
    try:
        yield
    finally:
        fence.passes = real


class Push:
    """A hub's fan-out to many listeners."""

    def __init__(self) -> None:
        self.delivery = Delivery(lambda _: None)
        self.delivery.apply(0)
        self.group = Group(groups.of_object(1, KEY, AUDIENCE))
        self.listeners = [Listener(number, self._count) for number in range(SOCKETS)]
        self.group.subscriptions = {listener.subscription for listener in self.listeners}
        self.version = 0
        self._left = 0
        self._done = asyncio.Event()

    def _count(self) -> None:
        self._left -= 1
        if not self._left:
            self._done.set()

    async def cost(self) -> float:
        """Microseconds of CPU for each frame that a sender gave to its server."""
        frames = [frame(self.version + number) for number in range(1, FRAMES + 1)]
        self.version += FRAMES
        gc.collect()
        began = time.process_time()
        for each in frames:
            self._left = SOCKETS
            self._done.clear()
            self.delivery.arrive(self.group, each)
            await self._done.wait()
        return (time.process_time() - began) / (FRAMES * SOCKETS) * 1e6


async def measure() -> list[Row]:
    push = Push()
    await push.cost()
    real, none, again = [], [], []
    for _ in range(RUNS):
        real.append(await push.cost())
        with always_yes():
            none.append(await push.cost())
        again.append(await push.cost())
    ratio = statistics.median(real) / statistics.median(none)
    noise = statistics.median(real) / statistics.median(again)
    return [
        Row(
            "Cost of a frame from the hub to `send`, to that without the fence",
            ratio,
            f"{spread(real)} to {spread(none)} µs of CPU; the fence to itself: {noise:.2f}",
            "within noise",
            abs(ratio - 1) <= max(0.1, 2 * abs(noise - 1)),
            f"{SOCKETS} sockets, {RUNS} runs of each in turn",
        )
    ]

"""The hub of each event loop: it starts with the first socket and stops with the last."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from realtime.hub.drain import drain
from realtime.hub.hub import Hub
from realtime.state.codes import Close
from realtime.state.sockets import Socket


class Hubs:
    """The hub of each event loop: a server process has one loop, and so one hub."""

    def __init__(self) -> None:
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
        self._starting: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    async def add(self, socket: Socket, elsewhere: int = 0) -> Hub | Close:
        """Take a socket into this loop's hub, which starts with the first one."""
        if drain.draining:
            return Close.GOING_AWAY
        loop = asyncio.get_running_loop()
        async with self._starting.setdefault(loop, asyncio.Lock()):
            hub = self.current() or await self._start(loop)
        return hub.add(socket, elsewhere) or hub

    async def _start(self, loop: asyncio.AbstractEventLoop) -> Hub:
        hub = Hub()
        await hub.start()
        self._hubs[loop] = hub
        drain.install(self._drain)
        return hub

    async def _drain(self) -> None:
        hub = self.current()
        if hub is not None:
            await hub.drain()

    @property
    def process(self) -> int:
        """Return the running loop's process in the ledger; 0 if it has none."""
        hub = self.current()
        return 0 if hub is None else hub.ledger.process

    def current(self) -> Hub | None:
        """Return the hub of the running loop, if it has sockets."""
        return self._hubs.get(asyncio.get_running_loop())

    async def remove(self, hub: Hub, socket: Socket) -> None:
        """Let a socket go; the last one stops its hub."""
        await hub.remove(socket)
        loop = asyncio.get_running_loop()
        if not hub.connections and self._hubs.get(loop) is hub:
            del self._hubs[loop]
            await hub.stop()


hubs = Hubs()

"""The hub: one per process, on its event loop; its one channel is joined to each group once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.db import close_old_connections

from permissions.rendering import Ref
from realtime import frames, sweep, tail
from realtime.codes import Close
from realtime.commands import Subscribe, Unsubscribe
from realtime.failures import log_failure
from realtime.joins import Joins
from realtime.messages import unsubscribed
from realtime.outbox import outbox
from realtime.rounds import Rounds
from realtime.sockets import Socket
from realtime.subscriptions import Subscription, Waiting
from tenants import credentials
from tenants.limits import limits

logger = logging.getLogger(__name__)


class Hub:
    """Everything live in this process: it starts with the first socket and stops with the last."""

    def __init__(self, layer: Any = None) -> None:
        self.limits = limits()
        self.sockets: dict[int, set[Socket]] = {}
        self._of_user: Counter[int] = Counter()
        self._unchecked: set[Socket] = set()
        self.rounds: dict[int, Rounds] = {}
        self.cursor: int | None = None
        self._layer = layer or get_channel_layer()
        self.joins = Joins(self._layer, self.limits["broker_timeout_seconds"])
        self._executor = ThreadPoolExecutor(self.limits["executor_threads"], "earshot-read")
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """Open the channel; begin to listen, to tail, to sweep and to watch for stalled sockets."""
        loop = asyncio.get_running_loop()
        await self._open()
        outbox.bind(loop)
        self._tasks = [
            loop.create_task(self._receive()),
            loop.create_task(self._tail()),
            loop.create_task(sweep.run(self)),
            loop.create_task(self._watch()),
        ]

    async def stop(self) -> None:
        """End every task and thread of the hub; the channel layer forgets its channel."""
        outbox.bind(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(rounds.close() for rounds in self.rounds.values()))
        await self.joins.close()
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run a plain function on one of the hub's threads, with a database connection."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _and_close, work, *args)

    # Sockets.

    def add(self, socket: Socket) -> Close | None:
        """Take a socket in; or the code with which to close it, if there are too many."""
        mine = self.sockets.get(socket.tenant_id, set())
        if self._of_user[socket.user_id] >= self.limits["sockets_per_user"]:
            return Close.TOO_MANY
        if len(mine) >= self.limits["sockets_per_tenant"]:
            return Close.TOO_MANY
        mine.add(socket)
        self.sockets[socket.tenant_id] = mine
        self._of_user[socket.user_id] += 1
        self._rounds(socket.tenant_id)
        self.check(socket)
        return None

    def check(self, socket: Socket) -> None:
        """Have the socket's credential and membership looked at in the tenant's next round."""
        if socket in self.sockets.get(socket.tenant_id, ()):
            self._unchecked.add(socket)
            self.rounds[socket.tenant_id].check()

    async def remove(self, socket: Socket) -> None:
        """Let a socket go with all its subscriptions."""
        for subscription in list(socket.subscriptions.values()):
            self._end(subscription)
        self._of_user -= Counter([socket.user_id])
        self._unchecked.discard(socket)
        mine = self.sockets[socket.tenant_id]
        mine.remove(socket)
        if not mine:
            del self.sockets[socket.tenant_id]
            await self.rounds.pop(socket.tenant_id).close()

    def _rounds(self, tenant_id: int) -> Rounds:
        if tenant_id not in self.rounds:
            self.rounds[tenant_id] = Rounds(
                tenant_id, self.joins, self.run, self._check_credentials, self.limits["round_size"]
            )
        return self.rounds[tenant_id]

    # Commands.

    def subscribe(self, socket: Socket, command: Subscribe) -> None:
        """Register a subscribe; its answer comes with a round. The target's key is not None."""
        assert command.target.pk is not None
        ref = Ref(command.target.model, command.target.pk)
        waiting = Waiting(command.ref, command.etag)
        rounds = self._rounds(socket.tenant_id)
        subscription = socket.subscriptions.get(ref)
        if subscription is not None:
            subscription.waiting.append(waiting)
            rounds.ask([subscription])
            return
        subscription = Subscription(socket, ref, command.target.id)
        subscription.waiting.append(waiting)
        socket.subscriptions[ref] = subscription
        rounds.add(subscription)

    def full(self, socket: Socket, command: Subscribe) -> bool:
        """Whether this would be a subscription more than the socket may have."""
        ref = Ref(command.target.model, command.target.pk or 0)
        many = len(socket.subscriptions) >= self.limits["subscriptions_per_socket"]
        return many and ref not in socket.subscriptions

    def unsubscribe(self, socket: Socket, command: Unsubscribe) -> None:
        """End a subscription, if there is one, and say so."""
        target = command.target
        subscription = None
        if target.pk is not None:
            ref = Ref(target.model, target.pk)
            subscription = socket.subscriptions.get(ref)
            socket.mailbox.forget(ref)
        if subscription is not None:
            self._end(subscription)
        socket.mailbox.answer(unsubscribed(target.model, target.id, command.ref))

    def _end(self, subscription: Subscription) -> None:
        subscription.cancel()
        subscription.socket.forget(subscription)
        self._rounds(subscription.socket.tenant_id).remove(subscription)

    # What comes from other processes.

    async def _open(self) -> None:
        """Open the hub's channel; without a broker the hub lives by the tail, and tries again."""
        try:
            async with asyncio.timeout(self.limits["broker_timeout_seconds"]):
                self.joins.channel = await self._layer.new_channel()
        except Exception as error:
            log_failure(logger, "The broker gave no channel", error)

    async def _receive(self) -> None:
        while True:
            if self.joins.channel is None:
                await asyncio.sleep(self.limits["broker_timeout_seconds"])
                await self._open()
                continue
            message = await self._layer.receive(self.joins.channel)
            try:
                await self._deliver(message)
            except Exception as error:
                log_failure(logger, "A message of the channel layer failed", error)

    async def _deliver(self, message: dict[str, Any]) -> None:
        rounds = self.rounds.get(message["tenant"])
        if rounds is None:
            return
        if message["type"] == "hub.frame":
            await rounds.frame(frames.from_layer(message))
        else:
            rounds.notice(message["revision"])

    async def _check_credentials(self, tenant_id: int, users: set[int] | None) -> None:
        """Close the sockets of these users (None: all) whose credential or membership ended.

        New sockets are checked once more: theirs may have ended between the look at the
        credential and the registration, and nobody would tell them again.
        """
        sockets = [
            s
            for s in self.sockets.get(tenant_id, ())
            if users is None or s.user_id in users or s in self._unchecked
        ]
        if not sockets:
            return
        ended = await self.run(credentials.ended, {socket.held for socket in sockets})
        self._unchecked.difference_update(sockets)
        for socket in sockets:
            if socket.held in ended:
                socket.mailbox.close(Close(ended[socket.held]))

    # What happens by itself.

    async def _tail(self) -> None:
        while True:
            try:
                await tail.run(self)
            except Exception as error:
                log_failure(logger, "A look of the tail failed; the next one comes", error)
            self.joins.retry()
            await asyncio.sleep(self.limits["tail_seconds"])

    async def _watch(self) -> None:
        """Cut sockets that take nothing though something waits for them."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.limits["stalled_seconds"] / 10)
            for socket in [s for mine in self.sockets.values() for s in mine]:
                if socket.stalled(loop.time(), self.limits["stalled_seconds"]):
                    socket.cut()


def _and_close(work: Callable[..., Any], *args: Any) -> Any:
    try:
        return work(*args)
    finally:
        close_old_connections()


class Hubs:
    """The hub of each event loop: a server process has one loop, and so one hub."""

    def __init__(self) -> None:
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
        self._starting: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    async def add(self, socket: Socket) -> Hub | Close:
        """Take a socket into this loop's hub, which is started for the first one."""
        loop = asyncio.get_running_loop()
        async with self._starting.setdefault(loop, asyncio.Lock()):
            hub = self.current() or await self._start(loop)
        return hub.add(socket) or hub

    async def _start(self, loop: asyncio.AbstractEventLoop) -> Hub:
        hub = Hub()
        await hub.start()
        self._hubs[loop] = hub
        return hub

    def current(self) -> Hub | None:
        """The hub of the running loop, if it has sockets."""
        return self._hubs.get(asyncio.get_running_loop())

    async def remove(self, hub: Hub, socket: Socket) -> None:
        """Let a socket go; the last one stops its hub."""
        await hub.remove(socket)
        loop = asyncio.get_running_loop()
        if not hub.sockets and self._hubs.get(loop) is hub:
            del self._hubs[loop]
            await hub.stop()


hubs = Hubs()

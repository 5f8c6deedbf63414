"""The hub: one per process, on its event loop; its one channel is joined to each group once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from channels.layers import get_channel_layer
from django.db import close_old_connections

from realtime import metrics
from realtime.audit import ledger
from realtime.audit.ledger import Done, Ledger
from realtime.failures import database, log_failure
from realtime.hub import listening
from realtime.hub.broker_probe import BrokerProbe
from realtime.hub.channel import Channel
from realtime.hub.drain import close_all
from realtime.hub.group_membership import GroupMemberships
from realtime.hub.heartbeat import Heartbeat
from realtime.hub.measuring import count, measure
from realtime.hub.rounds import Rounds
from realtime.hub.session_checks import SessionChecks
from realtime.hub.sweep import Sweep
from realtime.hub.tail import Tail
from realtime.publishing import layer_messages, moves
from realtime.publishing.publisher import publisher
from realtime.state import ledger_entries
from realtime.state.codes import Close
from realtime.state.connections import Connections
from realtime.state.due import Due
from realtime.state.sockets import Socket
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window
from tenants.connections import reserve
from tenants.limits import limits
from tenants.membership_tasks import do_tasks
from tenants.metrics import count_refusal

logger = logging.getLogger(__name__)

CANCEL_SECONDS: Final = 0.05

Inbox = Callable[[list[bytes]], object]
"""Takes frames of a client whose requests other processes may get."""


class Hub:
    """Everything live in this process: it starts with the first socket and stops with the last."""

    def __init__(self, layer: layer_messages.Layer | None = None) -> None:
        self.limits = limits()
        self.connections = Connections()
        self.inboxes: dict[str, Inbox] = {}
        self.empty = asyncio.Event()
        self.ledger = Ledger(self.run)
        self.session_checks = SessionChecks(self.connections, self.ledger, self.run)
        self.rounds: dict[int, Rounds] = {}
        self.due: Due[Subscription] = Due()
        self.windows_due: Due[Window] = Due()
        self._layer: layer_messages.Layer = layer or get_channel_layer()
        self.groups = GroupMemberships(self._layer, self.limits["broker_timeout_seconds"])
        self._channel = Channel(self._layer, self.groups, self.limits["broker_timeout_seconds"])
        self.probe = BrokerProbe(self._layer, self.limits["broker_timeout_seconds"])
        self.heartbeat = Heartbeat(self.ledger, self._begin_anew)
        self.tail = Tail(self)
        self.sweep = Sweep(self)
        self._look = asyncio.Event()
        self._executor = ThreadPoolExecutor(
            self.limits["executor_threads"], "earshot-read", initializer=reserve
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the channel; begin to listen, to tail, to sweep and to watch for stalled sockets."""
        loop = asyncio.get_running_loop()
        await self.ledger.start()
        metrics.begin()
        await self._channel.open()
        publisher.bind(loop)
        self._tasks = [
            loop.create_task(self._receive()),
            loop.create_task(self._watch_broker()),
            loop.create_task(self.heartbeat.run(self.limits["tail_seconds"])),
            loop.create_task(self._tail()),
            loop.create_task(self.sweep.run()),
            loop.create_task(self._watch()),
        ]
        if listening.is_on(self.limits):
            listen = listening.run(self.tail.look, self.limits["connection_seconds"])
            self._tasks.append(loop.create_task(listen))

    async def stop(self) -> None:
        """End every task and thread of the hub; the channel layer forgets its channel."""
        publisher.bind(None)
        await _end(self._tasks)
        await asyncio.gather(*(rounds.close() for rounds in self.rounds.values()))
        await self.groups.close()
        await self.ledger.stop()
        metrics.rest()
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        await asyncio.to_thread(self.heartbeat.shutdown)

    async def run(self, work: Callable[..., Done], *args: object) -> Done:
        """Run a plain function on one of the hub's threads, with a database connection."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _and_close, work, *args)

    # Sockets.

    def add(self, socket: Socket, elsewhere: int = 0) -> Close | None:
        """Take a socket in, or return the code with which to close it if there are too many; the
        user has `elsewhere` more in other processes."""
        limit = self.connections.exceeded(socket, elsewhere)
        if limit is not None:
            count_refusal(socket.tenant_id, limit)
            return Close.TOO_MANY
        self.connections.add(socket)
        rounds = self.rounds_of(socket.tenant_id)
        socket.keeper = rounds.windows
        socket.mailbox.again = rounds.ask
        rounds.check()
        return None

    def ask_to_check(self, socket: Socket) -> None:
        """Have the socket's credential and membership checked in the tenant's next round."""
        if socket in self.connections:
            self.connections.unchecked.add(socket)
            self.rounds[socket.tenant_id].check()

    async def remove(self, socket: Socket) -> None:
        """Let a socket go with all its subscriptions."""
        why = ledger_entries.CLOSED_BY.get(socket.mailbox.closing, ledger_entries.DISCONNECTED)
        rounds = self.rounds[socket.tenant_id]
        for window in list(socket.windows.values()):
            rounds.windows.forget(window, why)
        socket.windows.clear()
        for subscription in list(socket.subscriptions.values()):
            self.end(subscription, why)
        self.ledger.leave([socket.id])
        count([socket])
        last = self.connections.remove(socket)
        if not self.connections:
            self.empty.set()
        if last:
            await self.rounds.pop(socket.tenant_id).close()

    def rounds_of(self, tenant_id: int) -> Rounds:
        """Return the rounds of a tenant with sockets here."""
        if tenant_id not in self.rounds:
            self.rounds[tenant_id] = Rounds(tenant_id, self)
        return self.rounds[tenant_id]

    # Subscriptions.

    def end(self, subscription: Subscription, why: str) -> None:
        """End a subscription without telling the client, who asked for it or has left."""
        subscription.cancel(why)
        if subscription.opened is not None:
            self.ledger.end(subscription.opened.access, why)
        subscription.socket.forget(subscription)
        self.rounds_of(subscription.socket.tenant_id).remove(subscription)

    # What comes from other processes.

    async def _receive(self) -> None:
        while True:
            message = await self._channel.next()
            try:
                if message is None:
                    continue
                if message["type"] == "hub.probe":
                    self.probe.heard(message["number"])
                elif message["type"] == "hub.command":
                    self.inboxes.get(message["connection"], _nobody)(message["frames"])
                else:
                    await self._deliver(message)
            except Exception as error:
                log_failure(logger, "Handling a channel layer message failed", error)

    async def _deliver(self, message: layer_messages.Announcement) -> None:
        """Hand a frame, a move or a notice to its tenant's rounds."""
        rounds = self.rounds.get(message["tenant"])
        if rounds is None:
            return
        if message["type"] == "hub.frame":
            rounds.frame(layer_messages.from_layer(message))
        elif message["type"] == "hub.move":
            rounds.arrivals.arrive(moves.from_layer(message))
        else:
            rounds.notice(message["revision"])

    async def resync(self) -> None:
        """After an outage: join all groups again, and look at once for what was lost."""
        await self.groups.rejoin()
        self._look.set()

    async def _watch_broker(self) -> None:
        """Probe the broker for ever."""
        await self.probe.run(
            lambda: self.groups.channel, self.resync, self.limits["broker_probe_seconds"]
        )

    def _begin_anew(self) -> None:
        """Write everything that the process has anew, since it was presumed dead."""
        for rounds in self.rounds.values():
            for subscription in rounds.index.all:
                subscription.opened = None
            rounds.windows.begin_anew()
            rounds.ask_all()
        for socket in self.connections:
            socket.registered = None
            self.ask_to_check(socket)

    async def _look_at_others(self) -> None:
        """End what dead processes left, do the tasks of memberships that were written past Django,
        and learn how many sockets the other processes have of this hub's tenants."""
        asked = self.connections.asked.copy()
        self.connections.learn(asked, await self.run(_others, asked, self.ledger.process))

    def send_away(self, tenant_id: int) -> None:
        """Send a tenant's clients elsewhere, since the database does not serve it here."""
        for socket in self.connections.of_tenant.get(tenant_id, ()):
            socket.mailbox.close(Close.GOING_AWAY)

    @property
    def alive(self) -> bool:
        """Return whether all of the hub's own tasks are still running."""
        return not any(task.done() for task in self._tasks)

    def _measure(self) -> None:
        measure(self.connections, sum(len(rounds.index) for rounds in self.rounds.values()))

    async def drain(self) -> None:
        """Tell all clients to come back elsewhere, spread over a while."""
        await close_all(list(self.connections), self.limits["drain_seconds"], self.empty)

    # What happens by itself.

    async def _tail(self) -> None:
        while True:
            try:
                await self._look_at_others()
                await self.tail.look()
                database.over()
                self._measure()
            except Exception as error:
                log_failure(
                    logger, "A look of the tail failed; trying again at the next one", error
                )
            self.groups.retry()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits["tail_seconds"]):
                    await self._look.wait()
            self._look.clear()

    async def _watch(self) -> None:
        """Cut sockets that take nothing though something waits for them."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.limits["stalled_seconds"] / 10)
            for socket in self.connections:
                if socket.sending_since is None:  # nearly always
                    continue
                if socket.stalled(loop.time(), socket.limits["stalled_seconds"]):
                    socket.cut()


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel these until they have ended.

    Once may not do: a cancellation during the connect of the broker's client can be lost in it.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_SECONDS)


def _nobody(frames: list[bytes]) -> None:
    """The connection has ended."""


def _others(tenant_ids: Collection[int], process: int) -> dict[int, int]:
    ledger.end_lost()
    do_tasks()
    return ledger.sockets_of_tenants(tenant_ids, process)


def _and_close(work: Callable[..., Done], *args: object) -> Done:
    try:
        return work(*args)
    finally:
        close_old_connections()

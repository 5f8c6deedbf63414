"""Going away: who is told, in what order, and that the server's own handler runs at last."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from realtime.hub.drain import Drain, close_all
from realtime.hub.per_loop import hubs
from realtime.state.codes import Close
from tests.client import connect, in_thread, subscribed
from tests.gates import this_hub
from tests.realtime.pieces import socket
from tests.world import World


class Server:
    """Stands for a server: it has a handler for SIGTERM, and remembers the signal."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def handle(self, *_: Any) -> None:
        self.heard.set()


@pytest.fixture
def server() -> Iterator[Server]:
    before = signal.getsignal(signal.SIGTERM)
    server = Server()
    signal.signal(signal.SIGTERM, server.handle)
    yield server
    signal.signal(signal.SIGTERM, before)


async def test_signal_is_passed_on_when_the_work_is_done(server: Server) -> None:
    done = asyncio.Event()

    async def work() -> None:
        assert not server.heard.is_set()
        done.set()

    drain = Drain()
    drain.install(work)
    drain.install(work)  # the second time does nothing
    signal.raise_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        await server.heard.wait()
    assert done.is_set()
    assert drain.draining
    assert signal.getsignal(signal.SIGTERM) == server.handle


async def test_second_signal_does_not_wait(server: Server) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await never.wait()

    drain = Drain()
    drain.install(work)
    signal.raise_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        await begun.wait()
        signal.raise_signal(signal.SIGTERM)
        await server.heard.wait()
    never.set()


async def test_work_that_fails_does_not_keep_the_server(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        raise OSError

    Drain().install(work)
    signal.raise_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        await server.heard.wait()
    assert "Draining failed" in caplog.text


async def test_process_without_a_servers_handler_is_left_alone() -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    async def work() -> None:
        """Never done."""

    Drain().install(work)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_only_the_main_thread_is_asked(server: Server) -> None:
    async def work() -> None:
        """Never done."""

    async def install() -> None:
        Drain().install(work)

    await asyncio.to_thread(asyncio.run, install())
    assert signal.getsignal(signal.SIGTERM) == server.handle


async def test_sockets_are_closed_one_after_the_other() -> None:
    sockets, gone = [socket(n) for n in range(3)], asyncio.Event()
    gone.set()
    await close_all(sockets, 0.0, gone)
    assert {s.mailbox.closing for s in sockets} == {Close.GOING_AWAY}


async def test_socket_that_does_not_go_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.hub.drain.LAST_SECONDS", 0.01)
    await close_all([socket()], 0.0, asyncio.Event())


@pytest.mark.usefixtures("by_hand")
async def test_what_waits_is_sent_before_the_close_and_nobody_comes_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(world, "viewer") as viewer:
        hub = this_hub()
        hub.limits = {**hub.limits, "drain_seconds": 0.0}
        [mine] = hub.connections
        wake, mine.mailbox._wake = mine.mailbox._wake, lambda: None
        await in_thread(world.write)(title="Before the end")
        async with asyncio.timeout(5):
            while not mine.mailbox:
                await hub.run(int)
        mine.mailbox._wake = wake
        draining = asyncio.create_task(hubs._drain())
        assert (await viewer.receive())["payload"]["title"] == "Before the end"
        assert await viewer.receive() == {"close": 4503}
        await draining
        monkeypatch.setattr("realtime.hub.per_loop.drain.draining", True)
        async with await in_thread(connect)(world, "viewer") as late:
            assert await late.receive() == {"close": 4503}
        await hubs._drain()  # nobody is left

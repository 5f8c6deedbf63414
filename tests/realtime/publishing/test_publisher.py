"""A save leaves its word and goes on; a thread sends it, whatever the broker does."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from typing import Any

import pytest
from django.db import OperationalError

from realtime.capture.committed import Own
from realtime.metrics import PUBLISH_FAILURES
from realtime.publishing import notifications
from realtime.publishing import publisher as module
from realtime.publishing.publisher import Publisher, publisher
from tests.realtime.recorded import stored
from tests.world import World


class Gate:
    """Stands where the logs and the broker are: `sent` is what was read of what `committed`; each
    send waits while it is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.committed: list[str] = []
        self.sent: list[list[str]] = []
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Semaphore(0)
        self.error: Exception | None = None
        monkeypatch.setattr(Own, "read", lambda own: self.read())
        monkeypatch.setattr(notifications, "publish", lambda read: [("", {"type": "", "": read})])
        monkeypatch.setattr(notifications, "send", self.send)

    def read(self) -> list[str]:
        committed, self.committed = self.committed, []
        return committed

    async def send(self, messages: list[Any]) -> None:
        self.sent += [message[""] for _, message in messages]
        self.reached.release()
        await asyncio.get_running_loop().run_in_executor(None, self.open.wait)
        if self.error is not None:
            raise self.error

    def commit(self, box: Publisher, what: str) -> None:
        """Commit something, and say so."""
        self.committed.append(what)
        box.wake()

    def wait_until_reached(self) -> None:
        assert self.reached.acquire(timeout=5)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


@pytest.fixture
def box() -> Publisher:
    return Publisher()


def failures() -> float:
    return PUBLISH_FAILURES._value.get()


def test_commit_is_announced_by_another_thread(gate: Gate, box: Publisher) -> None:
    gate.commit(box, "a")
    assert box.flush()
    assert gate.sent == [["a"]]


def test_what_commits_during_a_send_is_announced_together_after_it(
    gate: Gate, box: Publisher
) -> None:
    gate.open.clear()
    gate.commit(box, "a")
    gate.wait_until_reached()
    for what in "bcd":
        gate.commit(box, what)
    gate.open.set()
    assert box.flush()
    assert gate.sent == [["a"], ["b", "c", "d"]]


def test_announcement_says_when_the_first_of_its_commits_committed(
    gate: Gate, box: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, dated = iter((1.0, 2.0, 3.0)), []
    monkeypatch.setattr(time, "time", lambda: next(times))
    monkeypatch.setattr(notifications, "date", lambda _, committed: dated.append(committed))
    gate.open.clear()
    gate.commit(box, "a")
    gate.wait_until_reached()
    for what in "bc":
        gate.commit(box, what)
    gate.open.set()
    assert box.flush()
    assert dated == [1.0, 2.0]


def test_failed_look_is_counted_and_the_next_commit_is_announced(
    gate: Gate, box: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = failures()
    read, errors = gate.read, [OperationalError("the database is away")]

    def fails_once() -> list[str]:
        if errors:
            raise errors.pop()
        return read()

    monkeypatch.setattr(gate, "read", fails_once)
    gate.commit(box, "a")
    assert box.flush()
    assert (gate.sent, failures()) == ([], before + 1)
    gate.commit(box, "b")
    assert box.flush()
    assert gate.sent == [["a", "b"]]


def test_nothing_is_announced_while_it_is_held_and_all_of_it_afterwards(
    gate: Gate, box: Publisher
) -> None:
    box.hold()
    gate.commit(box, "a")
    gate.commit(box, "b")
    assert box.flush(0)  # a process that ends meanwhile does not wait
    assert gate.sent == []
    box.release()
    assert box.flush()
    assert gate.sent == [["a", "b"]]


def test_who_holds_it_waits_for_the_announcement_under_way(gate: Gate, box: Publisher) -> None:
    gate.open.clear()
    gate.commit(box, "a")
    gate.wait_until_reached()
    holding = threading.Thread(target=box.hold)
    holding.start()
    gate.open.set()
    holding.join()
    assert box.flush(0)


def test_flush_says_whether_everything_was_sent(gate: Gate, box: Publisher) -> None:
    assert box.flush(0)
    gate.open.clear()
    gate.commit(box, "a")
    assert not box.flush(0)
    gate.wait_until_reached()
    assert not box.flush(0)
    gate.open.set()
    assert box.flush()


def test_failed_send_is_counted_and_logged_without_its_message_and_the_next_one_works(
    gate: Gate, box: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    before = failures()
    gate.error = RuntimeError("a s3cret payload")
    with caplog.at_level(logging.ERROR):
        gate.commit(box, "a")
        assert box.flush()
    assert failures() == before + 1
    assert "RuntimeError" in caplog.text
    assert "s3cret" not in caplog.text
    gate.error = None
    gate.commit(box, "b")
    assert box.flush()
    assert len(gate.sent) == 2


def test_save_returns_while_the_send_of_it_hangs(
    world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.open.clear()
    world.document.title = "B"
    world.document.save()
    gate.wait_until_reached()
    assert stored(world.document).title == "B"
    assert not publisher.flush(0)
    gate.open.set()
    assert publisher.flush()


# Where it is sent: on the hub's loop while that runs.


async def test_bound_publisher_sends_on_the_hubs_loop(
    box: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = asyncio.Event()

    async def send(messages: Any) -> None:
        sent.set()  # not thread-safe: only on this loop does it wake the waiter

    monkeypatch.setattr(Own, "read", lambda own: None)
    monkeypatch.setattr(notifications, "publish", lambda read: [("", {"type": ""})])
    monkeypatch.setattr(notifications, "send", send)
    box.bind(asyncio.get_running_loop())
    box.wake()
    await asyncio.wait_for(sent.wait(), 5)
    assert await asyncio.to_thread(box.flush)


async def test_slow_send_is_waited_for_while_the_loop_runs(
    box: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, looked_twice = asyncio.get_running_loop(), asyncio.Event()
    looks: list[Any] = []

    def look(futures: Any, timeout: float) -> Any:
        looks.append(futures)
        if len(looks) == 2:
            loop.call_soon_threadsafe(looked_twice.set)
        return wait(futures, 0.01)

    async def send(messages: Any) -> None:
        await looked_twice.wait()

    monkeypatch.setattr(module, "wait", look)
    monkeypatch.setattr(Own, "read", lambda own: None)
    monkeypatch.setattr(notifications, "publish", lambda read: [("", {"type": ""})])
    monkeypatch.setattr(notifications, "send", send)
    before = failures()
    box.bind(loop)
    box.wake()
    assert await asyncio.to_thread(box.flush)
    assert looked_twice.is_set()
    assert failures() == before


def test_publisher_bound_to_a_loop_that_does_not_run_sends_by_itself(
    gate: Gate, box: Publisher
) -> None:
    loop = asyncio.new_event_loop()
    box.bind(loop)
    box.wake()
    assert box.flush()
    box.bind(None)
    box.wake()
    assert box.flush()
    loop.close()
    assert gate.sent == [[], []]


def test_loop_that_stops_while_it_sends_costs_that_batch_only(
    box: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    loop = asyncio.new_event_loop()
    reached: list[Any] = []

    async def send(messages: Any) -> None:
        reached.append(messages)
        if asyncio.get_running_loop() is loop:
            loop.stop()
            await asyncio.Future()

    monkeypatch.setattr(Own, "read", lambda own: None)
    monkeypatch.setattr(notifications, "publish", lambda read: [("", {"type": ""})])
    monkeypatch.setattr(notifications, "send", send)
    before = failures()
    box.bind(loop)
    loop.call_soon(box.wake)
    loop.run_forever()
    assert box.flush()
    assert failures() == before + 1
    box.wake()
    assert box.flush()
    assert len(reached) == 2
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_has_a_publisher_of_its_own(gate: Gate, transactional_db: None) -> None:
    gate.open.clear()
    publisher.wake()
    gate.wait_until_reached()
    child = os.fork()
    if child == 0:  # the parent's worker is not here, and nothing waits
        os._exit(0 if publisher.flush(0) else 1)
    gate.open.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert publisher.flush()

"""The metrics of real workers: right from the start, after a kill, after a rolling restart."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.conftest import StartServer
from tests.live import QUIETLY, LiveServer
from tests.project.test_metrics import series
from tests.test_processes import receive, subscribe
from tests.world import World

SECONDS = 60
"""Until a failure; it takes a few."""
TAIL_SEEN = "earshot_tail_seen_timestamp_seconds"
FRAMES = "earshot_frames_total"


class Workers:
    """Two workers of a server, and the folder of their figures."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def figures(self) -> dict[str, float]:
        with suppress(OSError, HTTPException):  # the worker that took it went
            status, text = self.server.get("/metrics", authorization="Bearer secret")
            assert status == 200, self.server.log
            return series(text)
        return {}

    def pids(self) -> set[int]:
        return {int(path.stem) for path in self.folder.glob("[0-9]*.lock")}

    def become(self, right: Callable[[dict[str, float], set[int]], bool]) -> dict[str, float]:
        """The figures, as soon as they are right; each scrape takes long enough for a pause."""
        deadline = time.monotonic() + SECONDS
        while True:
            figures = self.figures()
            if figures and right(figures, self.pids()):
                return figures
            assert time.monotonic() < deadline, (figures, self.pids())


def is_alive(socket: ClientConnection) -> bool:
    try:
        socket.send('{"action": "ping"}')
        return receive(socket)["type"] == "PONG"
    except ConnectionClosed:
        return False


def steady(figures: dict[str, float]) -> bool:
    """The broker is there, and no tail is behind."""
    fresh = time.time() - figures[TAIL_SEEN] < SECONDS
    return figures["earshot_broker_up"] == 1 and fresh


def test_figures_are_right_from_the_start_through_a_kill_and_a_rolling_restart(
    world: World, start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(
        "uvicorn",
        ("--workers", "2", "--timeout-worker-healthcheck", "30", *QUIETLY),
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"),
        EARSHOT_METRICS_TOKEN="secret",
        EARSHOT_TAIL_SECONDS="0.1",
        EARSHOT_DRAIN_SECONDS="0.1",
    )
    workers = Workers(server, tmp_path / "metrics")
    started = workers.become(lambda figures, pids: len(pids) == 2)
    assert steady(started)
    assert started["earshot_sockets"] == 0

    # One of the two has a hub, the other never had one.
    with subscribe(server, world, "viewer") as socket:
        one = workers.become(lambda figures, pids: figures["earshot_sockets"] == 1)
        assert steady(one)
        workers.become(lambda figures, pids: figures[TAIL_SEEN] > one[TAIL_SEEN])
        assert is_alive(socket)

    with ExitStack() as stack:
        sockets = [stack.enter_context(subscribe(server, world, "viewer")) for _ in range(8)]
        before = workers.become(lambda figures, pids: figures["earshot_sockets"] == 8)
        old = workers.pids()
        killed = min(old)
        os.kill(killed, signal.SIGKILL)
        alive = sum(map(is_alive, sockets))
        after = workers.become(
            lambda figures, pids: len(pids - old) == 1 and figures["earshot_sockets"] == alive
        )
        assert steady(after)
        assert after[FRAMES] >= before[FRAMES]
        assert killed not in workers.pids()

        old = workers.pids()
        server.process.send_signal(signal.SIGHUP)
        rolled = workers.become(lambda figures, pids: len(pids) == 2 and not pids & old)
        assert not any(map(is_alive, sockets))
    assert steady(rolled)
    assert rolled["earshot_sockets"] == 0
    assert rolled[FRAMES] >= after[FRAMES]
    files = {path.stem.rsplit("_", 1)[1] for path in workers.folder.glob("*.db")}
    assert files == {"0", *map(str, workers.pids())}
    with subscribe(server, world, "viewer"):
        one = workers.become(lambda figures, pids: figures["earshot_sockets"] == 1)
        workers.become(
            lambda figures, pids: steady(figures) and figures[TAIL_SEEN] > one[TAIL_SEEN]
        )
    assert "Traceback" not in server.log

"""Servers under test, their clients, and what the operating system says of them."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.client import Plan
from tests.servers import BOUNDED, free_port, stop

# The tail looks at the begin only, and nobody holds a process for lost that does not look.
QUIET_TAIL = {"EARSHOT_TAIL_SECONDS": "600", "EARSHOT_PROCESS_LOST_SECONDS": "1200"}
NODE = Path(__file__).parent / "node"
START_SECONDS = 30
OURS = "project.asgi:application"

# The server has a core to itself; clients, writers, database and broker share the others.
CORES = range(os.cpu_count() or 1)
SERVERS, CLIENTS = {CORES[0]}, set(CORES[1:] or CORES)


class Missing(Exception):
    """Something that a row needs is not there; it says what."""


class Server:
    """A server process of one contestant."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port, self.pid = process, port, process.pid

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return cpu_of(self.pid)


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used, user and system (the kernel's clock of it)."""
    return time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED, <linux/posix-timers.h>


def uvicorn(application: str, *more: str) -> list[str]:
    """The command of an application on uvicorn; `PORT` stands for the port."""
    return [
        *(sys.executable, "-m", "uvicorn", application, "--port", "PORT"),
        *("--log-level", "error", *(BOUNDED if application == OURS else ()), *more),
    ]


def daphne(application: str) -> list[str]:
    """The command of an application on Daphne."""
    return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", "-v", "0", application]


def node(script: str) -> list[str]:
    """The command of a script of `bench/node`."""
    if shutil.which("node") is None:
        raise Missing("Node is not installed.")
    if not (NODE / "node_modules").exists():
        raise Missing("Its packages are not installed: npm ci --prefix bench/node")
    return ["node", str(NODE / script), "PORT"]


@asynccontextmanager
async def server(command: list[str], **environment: str) -> AsyncIterator[Server]:
    """A started server, which is gone afterwards."""
    port = free_port()
    words = [str(port) if word == "PORT" else word for word in command]
    process = subprocess.Popen(
        words,
        env={**os.environ, **environment},
        preexec_fn=lambda: _prepare(SERVERS),
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _listens(port):
                if process.poll() is not None:
                    raise Missing(f"{' '.join(command[:4])} did not start.")
                await asyncio.sleep(0.05)
        yield Server(process, port)
    finally:
        stop(process)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _prepare(cores: set[int], nice: int = 0) -> None:
    os.nice(nice)
    os.sched_setaffinity(0, cores)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Clients:
    """The sockets of one plan, in a process of their own."""

    def __init__(self, process: asyncio.subprocess.Process, plan: Plan) -> None:
        self._process, self.plan = process, plan
        self.bytes = 0  # of the frames that were waited for last

    async def open(self) -> float:
        """Open all; the seconds until the last one was ready."""
        seconds: float = (await self._ask(do="open"))["seconds"]
        return seconds

    async def tell(self) -> float:
        """Have each socket say its own texts; when the first one did."""
        at: float = (await self._ask(do="tell"))["at"]
        return at

    async def wait(self, frames: int, seconds: float = 60) -> float:
        """When the last of so many frames came, by `time.perf_counter`, one for all processes."""
        answer = await self._ask(do="wait", frames=frames, seconds=seconds)
        self.bytes = answer["bytes"]
        at: float = answer["at"]
        return at

    async def say(self, text: str) -> None:
        """Send a text on the first socket."""
        await self._ask(do="say", text=text)

    async def _ask(self, **command: Any) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(command).encode() + b"\n")
        line = await stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the client ended"}
        if "error" in answer:
            raise Missing(f"{self.plan.count} sockets: {answer['error']}")
        return answer


@asynccontextmanager
async def clients(plan: Plan, nice: int = 0) -> AsyncIterator[Clients]:
    """A client process that has not opened anything yet; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.client"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: _prepare(CLIENTS, nice),
        limit=2**24,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)).encode() + b"\n")
    try:
        yield Clients(process, plan)
    finally:
        process.stdin.close()
        await process.wait()

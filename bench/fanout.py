"""Fan-out: CPU that one server process spends on each delivered frame of one changing object.

`python -m tests.servers python -m bench.fanout` runs it on PostgreSQL and Valkey; each contestant
is a uvicorn process of its own, the clients are in this one. It ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

from asgiref.sync import sync_to_async  # noqa: E402  (needs the settings)
from channels.layers import get_channel_layer  # noqa: E402
from django.core.management import call_command  # noqa: E402
from websockets.asyncio.client import ClientConnection, connect  # noqa: E402

from bench.figures import Row, record, spread  # noqa: E402
from bench.peers import GROUP  # noqa: E402
from realtime.outbox import outbox  # noqa: E402
from tests.servers import free_port  # noqa: E402
from tests.world import World  # noqa: E402

SOCKETS = int(os.environ.get("SOCKETS", "300"))
CHANGES = int(os.environ.get("CHANGES", "100"))
RUNS = 3
TICKS = os.sysconf("SC_CLK_TCK")

Change = Callable[[int], Coroutine[Any, Any, None]]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, from the operating system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@asynccontextmanager
async def server(application: str) -> AsyncIterator[tuple[int, str]]:
    """A uvicorn process of an application: its pid and its WebSocket address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port)]
    environment = {**os.environ, "EARSHOT_SOCKETS_PER_USER": str(SOCKETS + 1)}
    process = subprocess.Popen([*command, "--log-level", "error"], env=environment)
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0.05)
        writer.close()
        yield process.pid, f"ws://127.0.0.1:{port}/ws/"
    finally:
        process.terminate()
        process.wait()


async def measure(
    application: str, change: Change, opening: Any = None, first: str | None = None
) -> float:
    """Microseconds of the server's CPU for each frame that a client received."""
    async with server(application) as (pid, url), AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(connect(url, additional_headers=opening))
            for _ in range(SOCKETS)
        ]
        for socket in sockets:
            await socket.recv()
            if first is not None:
                await socket.send(first)
                await socket.recv()
        if application.endswith(":bare"):
            change = said_by(sockets.pop())
        await change(-1)
        await asyncio.gather(*(socket.recv() for socket in sockets))
        began = cpu_seconds(pid)
        for number in range(CHANGES):
            await change(number)
            await asyncio.gather(*(socket.recv() for socket in sockets))
        return (cpu_seconds(pid) - began) / (CHANGES * len(sockets)) * 1e6


def said_by(socket: ClientConnection) -> Change:
    """One of the bare loop's own sockets makes the change."""

    async def change(number: int) -> None:
        await socket.send(json.dumps({**FRAME, "number": number}))

    return change


FRAME: dict[str, Any] = {
    "type": "UPDATE_DOCUMENT",
    "model": "resources.document",
    "id": "Xk3mWq9z",
    "audience": "viewer",
    "etag": "0" * 32,
    "changed": ["title"],
    "payload": {"id": "Xk3mWq9z", "title": "Title", "body": "Text", "status": "draft"},
}


async def to_group(number: int) -> None:
    """A change as the usual pattern announces it."""
    layer: Any = get_channel_layer()
    frame = {**FRAME, "number": number}
    await layer.group_send(GROUP, {"type": "document.changed", "frame": frame})


async def measured() -> list[Row]:
    await sync_to_async(call_command)("migrate", verbosity=0)
    world: World = await sync_to_async(World)()
    headers = {"Authorization": f"Token {await sync_to_async(world.token)('viewer')}"}
    subscribe = json.dumps({"model": "resources.document", "id": world.id})

    async def save(number: int) -> None:
        await sync_to_async(world.write)(title=f"Title {number}")
        await asyncio.to_thread(outbox.flush)

    contestants: dict[str, Callable[[], Coroutine[Any, Any, float]]] = {
        "Earshot": lambda: measure("project.asgi:application", save, headers, subscribe),
        "a consumer in the group for each socket": lambda: measure("bench.peers:usual", to_group),
        "a bare loop over the sockets": lambda: measure("bench.peers:bare", to_group),
    }
    costs: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(RUNS):
        for name, run in contestants.items():
            costs[name].append(await run())
    ours = costs.pop("Earshot")
    return [
        Row(
            f"CPU of a delivered frame, to that of {name}",
            f"{statistics.median(ours) / statistics.median(theirs):.2f} "
            f"({spread(ours)} to {spread(theirs)} µs)",
            "",
            f"{SOCKETS} sockets of one uvicorn process, {CHANGES} changes, {RUNS} runs in turn",
        )
        for name, theirs in costs.items()
    ]


if __name__ == "__main__":
    record(asyncio.run(measured()))

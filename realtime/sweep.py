"""The sweep: whatever is live is read again before its last read is older than the period.

It finds what no hook saw, as raw SQL on data, permissions or credentials. It never pushes: a round
that finds a difference writes the row that is missing, and the ordinary way corrects.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from realtime.metrics import SWEEP_LAG

if TYPE_CHECKING:
    from realtime.hub import Hub

DUE: Final = 0.9
"""The part of the period after which a read is made again: the rest is for those that queue."""

LOOKS: Final = 60
"""Looks in a period, if no more is due than one look can read."""


async def run(hub: Hub) -> None:
    """Sweep for ever, within the CPU budget: with much to read it takes longer than the period."""
    loop = asyncio.get_running_loop()
    while True:
        began, cpu = loop.time(), time.process_time()
        full = await look(hub, began)
        cpu = time.process_time() - cpu
        await asyncio.sleep(pause(hub.limits, cpu, loop.time() - began, full=full))


def pause(limits: Mapping[str, float], cpu: float, took: float, *, full: bool) -> float:
    """Seconds until the next look, after one that cost so much CPU time and took so long.

    What else the process did meanwhile counts too: a busy one sweeps less.
    """
    rest = cpu / limits["sweep_budget"] - took
    return max(rest, 0.0 if full else limits["sweep_seconds"] / LOOKS)


async def look(hub: Hub, now: float) -> bool:
    """Have a round's worth of what is due read, and wait for it; whether that was not all.

    Times are the event loop's. The tenants whose reads are the oldest come first.
    """
    period, size = hub.limits["sweep_seconds"], hub.limits["round_size"]
    before = now - DUE * period
    due = sorted(
        ((rounds.index.oldest, rounds) for rounds in hub.rounds.values()), key=lambda item: item[0]
    )
    SWEEP_LAG.set(max([0.0, *(now - period - oldest for oldest, _ in due)]))
    reading = []
    for _, rounds in due:
        asked = rounds.index.read_before(before, size)
        size -= len(asked)
        if asked:
            rounds.ask(asked)
            reading.append(rounds)
    sockets = [socket for socket in hub.attendance if socket.checked_at <= before]
    for socket in sockets[: hub.limits["round_size"]]:
        hub.check(socket)
    for rounds in reading:
        await rounds.settled()
    return size <= 0

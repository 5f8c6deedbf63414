"""The sweep: everything live is read again once in a period, a slice at a time.

It finds what no hook saw, as raw SQL on data, permissions or credentials. It never pushes: a round
that finds a difference writes the row that is missing, and the ordinary way corrects.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.hub import Hub

SLICES = 60


async def run(hub: Hub) -> None:
    """Sweep for ever: `sweep_seconds` for all, in equal slices."""
    while True:
        live = [(r, s) for r in list(hub.rounds.values()) for s in r.index.live()]
        sockets = [socket for mine in hub.sockets.values() for socket in mine]
        for done in range(SLICES):
            await asyncio.sleep(hub.limits["sweep_seconds"] / SLICES)
            for rounds, s in live[done::SLICES]:
                rounds.ask({s} & rounds.index.all)
            for socket in sockets[done::SLICES]:
                hub.check(socket)

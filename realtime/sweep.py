"""The sweep: everything live is read again once in a period, a slice at a time.

It finds what no hook saw, as raw SQL on data or permissions. It never pushes: a round that finds a
difference writes the row that is missing, and the ordinary way corrects.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.hub import Hub

SLICES = 60


async def run(hub: Hub) -> None:
    """Sweep for ever: `sweep_seconds` for all, in equal slices."""
    while True:
        live = [(r, s) for r in list(hub.rounds.values()) for s in r.index.live()]
        size = math.ceil(len(live) / SLICES)
        for done in range(SLICES):
            await asyncio.sleep(hub.limits["sweep_seconds"] / SLICES)
            for rounds, s in live[done * size : (done + 1) * size]:
                if s in rounds.index.all:
                    rounds.ask([s])

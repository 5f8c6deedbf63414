"""What the review costs a delivered frame: the ledger is chained behind the delivery, and the
oracle reads a share of the frames again. Both are compared with runs that have neither.

What was written before, such as when the sockets were opened, is chained before it counts."""

from __future__ import annotations

import statistics
from typing import Final

from bench import town  # sets Django up
from bench.figures import Row, spread
from bench.frame import FRAME
from bench.pace import CHANGES, SECONDS, SOCKETS, ours, patching, spent
from realtime.audit import chaining
from tests.world import World

RUNS = 5
NEITHER: Final = "neither"
CHAIN: Final = "the chain, ten times as often as by default"
ORACLE: Final = "the oracle, of one frame in a hundred"
SETTINGS: Final = {
    NEITHER: {"EARSHOT_CHAIN_SECONDS": "600"},
    CHAIN: {"EARSHOT_CHAIN_SECONDS": "1"},
    ORACLE: {"EARSHOT_CHAIN_SECONDS": "600", "EARSHOT_ORACLE": "0.01"},
}
HOW = (
    f"{SOCKETS} sockets, {CHANGES} changes, one each {SECONDS * 1000:g} ms, by REST in the "
    f"same process, whose whole CPU counts; {RUNS} runs in turn"
)


async def costs(world: World) -> dict[str, list[float]]:
    """Microseconds of the server's CPU for each delivered frame, by what is switched on."""
    found: dict[str, list[float]] = {name: [] for name in SETTINGS}
    for _ in range(RUNS):
        for name, settings in SETTINGS.items():
            found[name].append(await cost(world, **settings) / (CHANGES * SOCKETS) * 1e6)
    return found


async def cost(world: World, **settings: str) -> float:
    """Seconds of the server's CPU for all changes."""
    async with ours(world, SOCKETS, **settings) as (under, crowd):
        change = await patching(world, under)
        await town.in_thread(lambda: [*chaining.everything()])()
        return await spent(under, crowd, change)


def figures(found: dict[str, list[float]]) -> list[Row]:
    """What each costs to neither; noise is what runs of neither differ by."""
    bare = found[NEITHER]
    noise = 1 + (max(bare) - min(bare)) / statistics.median(bare)
    rows = []
    for name in (CHAIN, ORACLE):
        ratio = statistics.median(found[name]) / statistics.median(bare)
        of = f"{spread(found[name])} to {spread(bare)} µs"
        goal = (f"at most {noise:.3g}, as runs differ", ratio <= noise)
        row = Row(f"A frame with {name}, to neither", ratio, of, *goal, HOW)
        rows.append(row if name == CHAIN else row._replace(goal="", reached=None))
    return rows


async def measure() -> list[Row]:
    world = await town.made()
    await town.in_thread(world.write)(body=FRAME["payload"]["body"])
    return figures(await costs(world))

"""Two server processes against one, and three shards of Valkey against one.

There are not enough cores to let all run at once, so what is measured is the CPU that the busiest
of them needs for the same work: with a core for each, that one sets the pace.
"""

from __future__ import annotations

import statistics
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer

from bench import town  # sets Django up
from bench.figures import Row, spread
from bench.frame import FRAME
from bench.processes import QUIET_TAIL, clients, cpu_of, server, uvicorn
from tests.servers import Valkey, running
from tests.world import World

SOCKETS = 1000
CHANGES = 200
RUNS = 5
GROUPS = 300
PUBLISHES = 20_000


async def deliveries(world: World, processes: int) -> float:
    """Seconds of CPU of the busiest of so many processes, which share the sockets."""
    limits = {"EARSHOT_SOCKETS_PER_USER": "100000", **QUIET_TAIL}
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        under = [await enter(server(uvicorn(town.APPLICATION), **limits)) for _ in range(processes)]
        crowds = []
        for each in under:
            plan = await town.plan(world, each.port, SOCKETS // processes)
            crowds.append(await enter(clients(plan)))
            await crowds[-1].open()
        warm = 3
        writes = [partial(world.write, title=f"Title {n}") for n in range(warm + CHANGES)]
        messages = await town.recorded(writes, "viewer")
        layer: Any = get_channel_layer()
        for number, message in enumerate(messages):
            if number == warm:
                began = [each.cpu() for each in under]
            await layer.group_send(*message)
            for crowd in crowds:
                await crowd.wait(crowd.plan.count)
        return max(each.cpu() - before for each, before in zip(under, began, strict=True))


async def publishes(shards: int) -> float:
    """Seconds of CPU of the busiest of so many shards, which share the groups."""
    with ExitStack() as stack:
        valkeys = [stack.enter_context(running(Valkey)) for _ in range(shards)]
        layer = RedisPubSubChannelLayer(hosts=[valkey.url for valkey in valkeys], prefix="bench")
        channel = await layer.new_channel()
        for number in range(GROUPS):
            await layer.group_add(f"group.{number}", channel)
        began = [cpu_of(valkey.process.pid) for valkey in valkeys]
        for number in range(PUBLISHES):
            await layer.group_send(f"group.{number % GROUPS}", FRAME)
        busiest = max(
            cpu_of(valkey.process.pid) - before
            for valkey, before in zip(valkeys, began, strict=True)
        )
        await layer.flush()
    return busiest


def row(figure: str, one: list[float], many: list[float], at_least: float, how: str) -> Row:
    ratio = statistics.median(one) / statistics.median(many)
    of = f"{spread(one, digits=2)} to {spread(many, digits=2)} s of CPU of the busiest"
    return Row(figure, ratio, of, f"at least {at_least:g}", ratio >= at_least, how)


async def measure() -> list[Row]:
    world = await town.made()
    await town.in_thread(world.write)(body=FRAME["payload"]["body"])
    single, double, one, three = [], [], [], []
    for _ in range(RUNS):
        single.append(await deliveries(world, 1))
        double.append(await deliveries(world, 2))
        one.append(await publishes(1))
        three.append(await publishes(3))
    return [
        row(
            "Deliveries of two processes, to one",
            single,
            double,
            1.8,
            f"{CHANGES} changes to {SOCKETS} sockets in all, uvicorn, {RUNS} runs in turn",
        ),
        row(
            "Publishes through three shards of Valkey, to one",
            one,
            three,
            2,
            f"{PUBLISHES} messages to {GROUPS} groups, with a subscriber, {RUNS} runs in turn",
        ),
    ]

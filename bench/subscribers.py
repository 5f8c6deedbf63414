"""What a change costs by its subscribers and by the audiences that see it.

Beside it each subscriber's socket reads the object again, as most systems do. Earshot's cost is the
CPU of its server and of its writer, which serializes; the other's that of its server alone.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import NamedTuple

from bench import town  # sets Django up
from bench.charts import bars
from bench.client import Plan
from bench.fanout import writer
from bench.figures import Row, spread
from bench.frame import FRAME
from bench.processes import QUIET_TAIL, Clients, Server, clients, server, uvicorn
from permissions.audiences import Audience, registry
from permissions.rendering import SERIALIZATIONS
from resources.documents.audiences import DOCUMENTS
from resources.documents.serializers import ViewerSerializer
from tests.world import World

SIZES = (1, 10, 100, 1000)
CHANGES = 20  # of each kind
RUNS = 3
READERS = {"owner": 4, "editor": 3, "viewer": 2, "admin": 1}  # how many of the kinds each sees
KINDS = ("budget", "review_notes", "body", "title")  # seen by 1, 2, 3, 4 audiences
FIVE = dataclasses.replace(
    DOCUMENTS,
    audiences=(*DOCUMENTS.audiences, Audience("guest", "guest_document", ViewerSerializer)),
)


class Cost(NamedTuple):
    """Milliseconds of CPU for a change, of the writer and of the server, and its serializations."""

    writing: float
    serving: float
    serializations: float


def median(costs: list[Cost]) -> Cost:
    """Each figure's own median."""
    return Cost(*(statistics.median(each) for each in zip(*costs, strict=True)))


def seeing(sockets: int, audiences: int) -> int:
    """How many of so many sockets see a change that so many audiences see."""
    ranks = islice(cycle(READERS.values()), sockets)
    return sum(rank >= 5 - min(audiences, 4) for rank in ranks)


@contextmanager
def declared(audiences: int) -> Iterator[None]:
    """The document has a fifth audience in this process, if five are wanted."""
    registry.register(FIVE if audiences == 5 else DOCUMENTS)
    try:
        yield
    finally:
        registry.register(DOCUMENTS)


def serialized() -> float:
    """How often anything was rendered in this process."""
    return sum(
        sample.value
        for metric in SERIALIZATIONS.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


def value(field: str, number: int) -> str:
    """Something that this field was not before."""
    return f"{number}.00" if field == "budget" else f"{FRAME['payload']['body']} {number}"


async def changed(world: World, under: Server, crowd: Clients, audiences: int) -> Cost:
    """Changes that so many audiences see, one after another."""
    field = KINDS[min(audiences, 4) - 1]
    frames = seeing(crowd.plan.count, audiences)
    number = 0

    async def change() -> None:
        nonlocal number
        number += 1
        await town.in_thread(world.write)(**{field: value(field, audiences * 1000 + number)[:200]})
        await crowd.wait(frames)

    await change()
    writing, serving, before = time.process_time(), under.cpu(), serialized()
    for _ in range(CHANGES):
        await change()
    return Cost(
        (time.process_time() - writing) / CHANGES * 1000,
        (under.cpu() - serving) / CHANGES * 1000,
        (serialized() - before) / CHANGES,
    )


async def earshot(world: World, sockets: int) -> dict[int, Cost]:
    """The cost by audiences."""
    found = {}
    limits = {"EARSHOT_SOCKETS_PER_USER": "100000", **QUIET_TAIL}
    async with server(uvicorn(town.APPLICATION), **limits) as under:
        plan = await town.plan(world, under.port, sockets)
        plan.tokens = [await town.in_thread(world.token)(name) for name in READERS]
        async with clients(plan) as crowd:
            await crowd.open()
            for audiences in range(1, 6):
                with declared(audiences):
                    found[audiences] = await changed(world, under, crowd, audiences)
    return found


async def rereading(sockets: int) -> float:
    """Milliseconds of the server's CPU for a change."""
    settings = {"DJANGO_SETTINGS_MODULE": "bench.peer_settings"}
    command = uvicorn("bench.peers:rereading")
    async with (
        server(command, **settings) as under,
        writer("rereading") as change,
        clients(Plan(f"ws://127.0.0.1:{under.port}/ws/", sockets)) as crowd,
    ):
        await crowd.open()
        await change(0)
        await crowd.wait(sockets)
        began = under.cpu()
        for number in range(1, CHANGES + 1):
            await change(number)
            await crowd.wait(sockets)
        return (under.cpu() - began) / CHANGES * 1000


def row_of(figure: str, found: float, of: str, goal: str, reached: Callable[[float], bool]) -> Row:
    how = f"{CHANGES} changes of each kind, {RUNS} runs in turn, one uvicorn process, its whole CPU"
    return Row(figure, found, of, goal, reached(found), how)


async def measure() -> list[Row]:
    world = await town.made()
    runs: dict[int, list[dict[int, Cost]]] = {size: [] for size in SIZES}
    for _ in range(RUNS):
        for size in SIZES:
            runs[size].append(await earshot(world, size))
    theirs = {size: await rereading(size) for size in SIZES}
    ours = {
        size: {a: median([run[a] for run in runs[size]]) for a in runs[size][0]} for size in SIZES
    }
    cells = [(a, cost) for found in ours.values() for a, cost in found.items()]
    wrong = sum(cost.serializations != audiences for audiences, cost in cells)
    few, many = ours[SIZES[0]][4].writing, ours[SIZES[-1]][4].writing
    rows = [
        row_of(
            "Serializations that are not the audiences which see the change",
            float(wrong),
            f"{len(cells)} kinds: 1, 10, 100, 1,000 subscribers, 1 to 5 audiences",
            "0",
            lambda found: found == 0,
        ),
        row_of(
            "The writer's cost for 1,000 subscribers, to that for 1",
            many / few,
            f"{spread([run[4].writing for run in runs[SIZES[-1]]])} to "
            f"{spread([run[4].writing for run in runs[SIZES[0]]])} ms",
            "flat",
            lambda found: found <= 1.2,
        ),
    ]
    for size in SIZES:
        cost = ours[size][4]
        total = cost.writing + cost.serving
        of = f"{total:.1f} ms (writer {cost.writing:.1f}) to {theirs[size]:.1f} ms"
        what = f"{size:,} subscribers of 4 audiences, to a re-read for each"
        rows.append(Row(what, total / theirs[size], of, "", None, ""))
    series = {
        "Earshot's writer": [ours[size][4].writing for size in SIZES],
        "Earshot's server": [ours[size][4].serving for size in SIZES],
        "a re-read for each": [theirs[size] for size in SIZES],
    }
    labels = [f"{size:,} subscribers" for size in SIZES]
    bars("subscribers", "ms of CPU for a change that four audiences see", labels, series)
    by_audience = [cost.writing for cost in ours[100].values()]
    of = ", ".join(f"{each:.1f}" for each in by_audience) + " ms for 1 to 5"
    what = "The writer's cost for 5 audiences, to that for 1"
    rows.append(Row(what, by_audience[-1] / by_audience[0], of, "", None, ""))
    return rows

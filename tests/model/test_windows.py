"""Whatever happens in whatever order, the real code keeps the promises for windows."""

from __future__ import annotations

import asyncio
import os
import random

from tests.model.database import KEYS, Database, Row, State
from tests.model.ghost import Broken
from tests.model.stage import Stage

WALKS = int(os.environ.get("MODEL_STEPS") or 40)
LONGEST = 500
WRITES = (
    "D1a", "D1b", "D1w", "D2a", "D2b", "D2w", "D3w", "D3bw", "D3a",
    "G1:1A", "G1:1B", "G1:1-", "G2:1A", "G2:1-", "G2:2B", "G3:2A", "G3:1A", "G3:1-", "G3:1B",
    "G1:rA", "G1:rB", "G1:r-", "G2:rB", "G2:r-", "G3:rA", "G3:r-",
    "M1", "M1", "M2", "T", "N", "C1:1A", "C2:rB", "C3:1A", "C3:rA", "C2:2A", "X1", "X2", "X3",
)  # fmt: skip


def started(chance: random.Random) -> Database:
    """Some objects, of which one may not be there yet."""
    rows = tuple(
        None
        if chance.random() < 0.2
        else Row(
            pk, 0, 0, chance.choice((0, 1)),
            (chance.choice(("A", "B", "", "A")), chance.choice(("A", "B", ""))),
            chance.choice(("", "", "A", "B")),
        )
        for pk in KEYS
    )  # fmt: skip
    members = (chance.random() < 0.5, chance.random() < 0.5)
    return Database(State(0, members, True, rows), hidden=chance.random() < 0.4)


async def walk(chance: random.Random) -> None:
    """Take one path at random, until all has happened."""
    stage = Stage(started(chance), reliable=chance.random() < 0.5)
    writes = [chance.choice(WRITES) for _ in range(chance.randint(2, 8))]
    acts = chance.randint(2, 7)
    try:
        for _ in range(LONGEST):
            await stage.idle()
            must = stage.must()
            if must and chance.random() < 0.6:
                chance.choice(must)()
            elif acts and (chance.random() < 0.4 or not writes):
                acts -= 1
                stage.act(chance)
            elif writes and chance.random() < 0.5:
                stage.database.commit(writes.pop())
            elif may := stage.arrivals():
                chance.choice(may)()
            elif not must and not writes and not acts:
                break
        while must := stage.must():
            chance.choice(must)()
            await stage.idle()
        stage.check()
    finally:
        await stage.close()


def walks(seed: int, number: int) -> None:
    """Take so many paths."""
    for n in range(number):
        try:
            asyncio.run(walk(random.Random(f"{seed} {n}")))
        except Broken as broken:
            raise AssertionError(f"walk {seed} {n}: {broken}") from broken


def test_no_path_breaks_a_promise() -> None:
    walks(int(os.environ.get("MODEL_SEED") or 20_261_128), WALKS)

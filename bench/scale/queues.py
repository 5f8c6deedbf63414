"""What waits: a storm after a process died, and what one large tenant does. No I/O."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bench.scale.load import DATABASE_CORES, MICRO
from bench.scale.units import Units
from bench.scale.workload import SEED, Workload

BUNDLE: Final = 20
"""Sockets that arrive as one, for speed: they take twenty times as long to serve."""


class Storm(NamedTuple):
    """Sockets that come back; how many seconds after the death they had everything again."""

    sockets: int
    median: float
    late: float
    """Of 99 in 100."""
    last: float
    waited: float
    """The longest that a client waited once it had come."""


class Hot(NamedTuple):
    """One tenant with very many sockets, all on one object."""

    where: str
    sockets: int
    held: float
    """Seconds for which the busiest worker is at one change."""
    changes: float
    """Changes a second that it can follow with half of a core."""
    loss: float
    """Seconds until an access change that touches all is applied, reading on half of a core."""


def storm(
    load: Workload, lost: int, units: Units, limits: Mapping[str, Any],
    worker_used: float, database_used: float, seed: int = SEED,
) -> Storm:  # fmt: skip
    """The sockets of `lost` processes come back to the others; if all are lost, to all, started
    again at once.

    Each comes at a random moment of the window that the server told it, to a process at random,
    which serves who has come in turn; then PostgreSQL does, with the cores that are left.
    """
    draw = random.Random(seed)
    there = load.processes - lost or load.processes
    number = load.sockets * lost // load.processes
    first, last = limits["retry_min_seconds"], limits["retry_max_seconds"]
    times = sorted(first + draw.random() * (last - first) for _ in range(number // BUNDLE))
    more = load.subscriptions
    worker = (units.worker_connect + more * units.worker_subscribe) * MICRO * BUNDLE
    database = (units.database_connect + more * units.database_subscribe) * MICRO * BUNDLE
    worker /= max(0.01, 1 - worker_used)
    database /= max(0.01, DATABASE_CORES - database_used)
    free = [0.0] * there
    ready = 0.0
    done, waited = [], 0.0
    for at in times:
        process = int(draw.random() * there)
        free[process] = max(at, free[process]) + worker
        ready = max(ready + database, free[process])
        done.append(ready)
        waited = max(waited, ready - at)
    done.sort()
    return Storm(number, done[len(done) // 2], done[len(done) * 99 // 100], done[-1], waited)


def hot(load: Workload, most: int, units: Units) -> list[Hot]:
    """The largest tenant that is allowed, its sockets spread over all processes or on one."""
    found = []
    for where, processes in (
        ("all on one worker", 1),
        (f"over {load.processes} workers", load.processes),
    ):
        here = most / processes
        held = here * units.worker_frame * MICRO
        reads = here * load.subscriptions * units.worker_sweep * MICRO
        database = most * load.subscriptions * units.database_sweep * MICRO / DATABASE_CORES
        found.append(Hot(where, most, held, 0.5 / held, max(reads / 0.5, database)))
    return found

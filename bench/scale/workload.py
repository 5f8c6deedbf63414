"""Who is there and what they do: the assumptions, and the draw of who sits where."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, NamedTuple

SEED: Final = 12
SAMPLE: Final = 20
"""One of so many tenants is drawn; what is counted is multiplied."""


@dataclass(frozen=True)
class Workload:
    """What is assumed of a deployment, and of an hour of its users."""

    tenants: int
    sockets: int
    processes: int
    subscriptions: int = 4  # of a socket
    readers: int = 8  # of an object, on average
    audiences: int = 2  # that see a change
    writes: float = 6.0  # a socket and hour
    access_changes: float = 0.1  # a socket and hour
    connects: float = 1.0  # a socket and hour

    def per_second(self, each: float) -> float:
        """How often in a second something happens that each socket does so often in an hour."""
        return each * self.sockets / 3600

    @property
    def objects(self) -> float:
        """Objects that somebody is subscribed to."""
        return self.sockets * self.subscriptions / self.readers


STAGES: Final = (
    Workload(tenants=2_000, sockets=20_000, processes=1),
    Workload(tenants=20_000, sockets=200_000, processes=10),
    Workload(tenants=100_000, sockets=1_000_000, processes=50),
)


class Placement(NamedTuple):
    """Where sockets came to sit, drawn at random."""

    objects: int
    """Objects with a subscriber."""
    groups: int
    """(object, audience, process) with a subscriber: what the broker holds, and delivers to."""
    tenant_groups: int
    """(tenant, process) with a socket."""
    largest: int
    """Sockets of the largest tenant."""
    processes_of_writer: float
    """Processes with sockets of the tenant in which somebody writes, on average."""

    @property
    def deliveries(self) -> float:
        """Processes to which the messages of a change go, all its audiences together."""
        return self.groups / self.objects


def sizes(load: Workload, most: int) -> list[int]:
    """Sockets of each tenant, the largest first: like 1 / rank ** 0.8, at least one, at most
    `most`."""
    weights = [(rank + 1) ** -0.8 for rank in range(load.tenants)]
    scale = load.sockets / sum(weights)
    return [min(most, max(1, round(weight * scale))) for weight in weights]


def placed(load: Workload, most: int, seed: int = SEED) -> Placement:
    """Let each socket come to a process at random, and subscribe to random objects of its tenant.

    The load balancer knows no tenants. Every twentieth tenant by size is drawn.
    """
    draw = random.Random(seed)
    all_sizes = sizes(load, most)
    objects = groups = tenant_groups = sockets = 0
    of_writers = 0
    for size in all_sizes[SAMPLE // 2 :: SAMPLE]:
        here = [int(draw.random() * load.processes) for _ in range(size)]
        many = max(1, round(size * load.subscriptions / load.readers))
        kinds = many * load.audiences
        seen = {
            (int(draw.random() * kinds), process)
            for process in here
            for _ in range(load.subscriptions)
        }
        distinct = len(set(here))
        objects += len({kind // load.audiences for kind, _ in seen})
        groups += len(seen)
        tenant_groups += distinct
        of_writers += distinct * size
        sockets += size
    factor = load.sockets / sockets
    return Placement(
        round(objects * factor),
        round(groups * factor),
        round(tenant_groups * factor),
        all_sizes[0],
        of_writers / sockets,
    )

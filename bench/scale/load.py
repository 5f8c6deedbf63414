"""What a deployment's parts have to do in a second, and where they are full. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from bench.scale.units import Units
from bench.scale.workload import Placement, Workload

DATABASE_CORES: Final = 16
BROKER_CORES: Final = 1
"""Of one host: it does everything on one thread."""
WORKER_MEMORY: Final = 2 * 2**20
"""Kilobytes that a worker may take."""
DATABASE_CONNECTIONS: Final = 500
DISK: Final = 2 * 10**12
"""Bytes for the ledger and the logs."""
DAYS: Final = 90
"""For which they are kept."""
SPARE: Final = 0.7
"""The part of a core that may be in use: with more of it, what comes has to wait."""

MICRO: Final = 1e-6


class Part(NamedTuple):
    """Something that has a limit, what of it is used, and by what."""

    name: str
    used: float
    limit: float
    unit: str
    by: Mapping[str, float]

    @property
    def load(self) -> float:
        """1: it is full."""
        return self.used / self.limit


@dataclass(frozen=True)
class Rates:
    """What happens in a second in the whole deployment."""

    writes: float
    access_changes: float
    connects: float
    subscribes: float
    publishes: float
    deliveries: float
    frames: float
    notices: float
    """Access changes that reach a process with sockets of the tenant."""
    looks: float
    """Of the tails of all processes."""
    read_rows: float
    """Changes of tenants that the looking process serves, of all looks."""
    passed_rows: float
    """Changes of other tenants, of all looks."""


def rates(load: Workload, placement: Placement, limits: Mapping[str, Any]) -> Rates:
    """How often everything happens, from how often users do something."""
    writes = load.per_second(load.writes)
    access_changes = load.per_second(load.access_changes)
    connects = load.per_second(load.connects)
    notices = access_changes * placement.processes_of_writer
    read_rows = writes * placement.processes_of_writer
    return Rates(
        writes=writes,
        access_changes=access_changes,
        connects=connects,
        subscribes=connects * load.subscriptions,
        publishes=writes * load.audiences + access_changes,
        deliveries=writes * placement.deliveries + notices,
        frames=writes * load.readers,
        notices=notices,
        looks=load.processes / limits["tail_seconds"],
        read_rows=read_rows,
        passed_rows=writes * load.processes - read_rows,
    )


def parts(
    load: Workload, placement: Placement, units: Units, limits: Mapping[str, Any]
) -> list[Part]:
    """Every part of the deployment that has a limit."""
    rate = rates(load, placement, limits)
    return [
        _worker(load, rate, units, limits),
        _sweep(load, units, limits),
        _memory(load, units),
        _database(load, rate, units, limits),
        Part(
            "connections to PostgreSQL",
            load.processes * (limits["database_connections"] + limits["hub_connections"]),
            DATABASE_CONNECTIONS, "connections", {},
        ),
        _broker(load, placement, rate, units, limits),
        _rows(rate, load, units),
    ]  # fmt: skip


def _part(name: str, limit: float, unit: str, by: Mapping[str, float]) -> Part:
    return Part(name, sum(by.values()), limit, unit, by)


def sweep_of_a_worker(load: Workload, units: Units, limits: Mapping[str, Any]) -> float:
    """Cores that a worker would need to read everything again within the period."""
    some = load.sockets * load.subscriptions / load.processes
    return some * units.worker_sweep * MICRO / float(limits["sweep_seconds"])


def _worker(load: Workload, rate: Rates, units: Units, limits: Mapping[str, Any]) -> Part:
    pings = load.sockets / limits["ping_seconds"]
    by = {
        "base": units.worker_base * 1e-3 * load.processes,
        "pings": pings * units.worker_ping * MICRO,
        "sweep": min(sweep_of_a_worker(load, units, limits), limits["sweep_budget"])
        * load.processes,
        "frames": rate.frames * units.worker_frame * MICRO,
        "messages": rate.deliveries * units.worker_message * MICRO,
        "writes": rate.writes * units.worker_patch * MICRO,
        "reconnects": _reconnects(rate, units.worker_connect, units.worker_subscribe),
        "access changes": rate.notices * units.worker_round * MICRO,
        "tail": rate.read_rows * units.worker_tail_row * MICRO,
    }
    each = {what: cores / load.processes for what, cores in by.items()}
    return _part("CPU of a worker", SPARE, "cores", each)


def _reconnects(rate: Rates, connect: float, subscribe: float) -> float:
    return (rate.connects * connect + rate.subscribes * subscribe) * MICRO


def _sweep(load: Workload, units: Units, limits: Mapping[str, Any]) -> Part:
    needed = sweep_of_a_worker(load, units, limits)
    return Part("the sweep's budget", needed, limits["sweep_budget"], "cores", {})


def _memory(load: Workload, units: Units) -> Part:
    used = load.sockets / load.processes * units.worker_kilobytes
    return Part("memory of a worker", used / 2**20, WORKER_MEMORY / 2**20, "GB", {})


def database_cores(
    load: Workload, rate: Rates, units: Units, limits: Mapping[str, Any]
) -> dict[str, float]:
    """Cores that PostgreSQL needs, by what for."""
    swept = min(sweep_of_a_worker(load, units, limits), limits["sweep_budget"])
    reads = swept * load.processes / (units.worker_sweep * MICRO)
    tail = rate.read_rows * units.database_tail_row + rate.passed_rows * units.database_skip_row
    return {
        "base": units.database_base * 1e-3 * load.processes,
        "sweep": reads * units.database_sweep * MICRO,
        "writes": rate.writes * units.database_patch * MICRO,
        "reconnects": _reconnects(rate, units.database_connect, units.database_subscribe),
        "access changes": rate.notices * units.database_round * MICRO,
        "tail": tail * MICRO,
    }


def _database(load: Workload, rate: Rates, units: Units, limits: Mapping[str, Any]) -> Part:
    by = database_cores(load, rate, units, limits)
    return _part("CPU of PostgreSQL", DATABASE_CORES * SPARE, "cores", by)


def _broker(
    load: Workload, placement: Placement, rate: Rates, units: Units, limits: Mapping[str, Any]
) -> Part:
    probes = load.processes / limits["broker_probe_seconds"]
    joins = rate.subscribes * placement.groups / (load.sockets * load.subscriptions)
    by = {
        "published": (rate.publishes + probes) * units.broker_publish * MICRO,
        "delivered": (rate.deliveries + probes) * units.broker_delivery * MICRO,
        "joins": 2 * joins * units.broker_join * MICRO,  # who goes leaves
    }
    return _part("CPU of the broker", BROKER_CORES * SPARE, "cores", by)


def rows_of_a_day(rate: Rates, load: Workload) -> dict[str, float]:
    """Rows that are written in a day, by kind."""
    day = 86_400
    return {
        "changes": rate.writes * day,
        "pushes": rate.writes * load.audiences * day,
        "accesses": rate.subscribes * day,
    }


def _rows(rate: Rates, load: Workload, units: Units) -> Part:
    bytes_of = {
        "changes": units.change_bytes, "pushes": units.push_bytes, "accesses": units.access_bytes,
    }  # fmt: skip
    by = {
        kind: rows * bytes_of[kind] * DAYS / 1e9 for kind, rows in rows_of_a_day(rate, load).items()
    }
    return _part(f"disk, for {DAYS} days of logs and ledger", DISK / 1e9, "GB", by)

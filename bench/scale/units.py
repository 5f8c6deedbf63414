"""What one of each costs, as `make bench ROWS=units` measured it: the simulation's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

ROW: Final = "units"


def _unit(title: str) -> Any:
    return field(metadata={"title": title})


@dataclass(frozen=True)
class Units:
    """CPU of a worker, of PostgreSQL and of the broker, memory, and bytes of rows.

    Each field's title names its row among the results.
    """

    worker_base: float = _unit("Worker, with one socket: ms of CPU a second")
    worker_ping: float = _unit("Worker, a ping of a socket and its answer: µs of CPU")
    worker_sweep: float = _unit("Worker, sweep of a socket and a subscription: µs of CPU")
    worker_connect: float = _unit("Worker, a connection with its credential: µs of CPU")
    worker_subscribe: float = _unit("Worker, a subscription in a round with others: µs of CPU")
    worker_message: float = _unit("Worker, a message of the broker, without its frames: µs of CPU")
    worker_frame: float = _unit("Worker, a frame to one of 4,000 sockets: µs of CPU")
    worker_patch: float = _unit("Worker, a PATCH, announced: µs of CPU")
    worker_round: float = _unit("Worker, an access change with a round of its own: µs of CPU")
    worker_tail_row: float = _unit("Worker, a change that its tail reads: µs of CPU")
    worker_kilobytes: float = _unit("Worker, a socket with a group of its own: KB of memory")
    database_base: float = _unit("PostgreSQL, for a worker with one socket: ms of CPU a second")
    database_sweep: float = _unit("PostgreSQL, sweep of a socket and a subscription: µs of CPU")
    database_connect: float = _unit("PostgreSQL, a connection with its credential: µs of CPU")
    database_subscribe: float = _unit("PostgreSQL, a subscription in a round: µs of CPU")
    database_patch: float = _unit("PostgreSQL, a PATCH, announced: µs of CPU")
    database_round: float = _unit("PostgreSQL, an access change with a round: µs of CPU")
    database_tail_row: float = _unit("PostgreSQL, a change that a tail reads: µs of CPU")
    database_skip_row: float = _unit("PostgreSQL, a change that a tail passes over: µs of CPU")
    broker_publish: float = _unit("Broker, a message published: µs of CPU")
    broker_delivery: float = _unit("Broker, a message delivered to a process: µs of CPU")
    broker_join: float = _unit("Broker, a group joined by a process: µs of CPU")
    broker_group: float = _unit("Broker, a group joined by a process: bytes of memory")
    change_bytes: float = _unit("Row of a change, with its indexes: bytes")
    push_bytes: float = _unit("Row of a push, with its indexes: bytes")
    access_bytes: float = _unit("Row of an access, with its indexes: bytes")


class NotMeasured(LookupError):
    """Units that the results do not have, or not as a number."""

    def __init__(self, titles: list[str]) -> None:
        super().__init__(titles)
        self.titles = titles

    def __str__(self) -> str:
        return f"Run `make bench ROWS={ROW}`; missing: {'; '.join(self.titles)}."


def title(name: str) -> str:
    """What the unit's row is called."""
    found: str = Units.__dataclass_fields__[name].metadata["title"]
    return found


def read(results: Mapping[str, Any]) -> Units:
    """The units among all results of the benchmarks; raises `NotMeasured`."""
    rows = results.get(ROW, {}).get("rows", ())
    found = {row["figure"]: row["found"] for row in rows if not isinstance(row["found"], str)}
    names = [each.name for each in fields(Units)]
    missing = [title(name) for name in names if title(name) not in found]
    if missing:
        raise NotMeasured(missing)
    return Units(**{name: float(found[title(name)]) for name in names})

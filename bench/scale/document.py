"""The tables of `docs/scale.md`, and how they get there. Pure, but for `write`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from bench.scale import load as loads
from bench.scale import queues, units, workload
from bench.scale.load import Part
from bench.scale.units import Units
from bench.scale.workload import STAGES, Workload
from tenants.limits import DEFAULTS

ROOT: Final = Path(__file__).parent.parent.parent
PAGE: Final = ROOT / "docs" / "scale.md"
RESULTS: Final = ROOT / "bench" / "results.json"
BEGIN: Final = "<!-- written by make scale: {} begin -->"
END: Final = "<!-- written by make scale: {} end -->"

ANSWERS: Final = {
    "CPU of a worker": "More workers. If the tail leads, they do not help: see below the table.",
    "the sweep's budget": "Nothing: the sweep takes longer than its period. It is the net under "
    "the triggers, and a repair by it is a fault. `EARSHOT_SWEEP_SECONDS` says what is wanted.",
    "memory of a worker": "More workers, each with fewer sockets.",
    "CPU of PostgreSQL": "A larger primary, then a deployment for a part of the tenants: tenants "
    "share nothing. Replicas do not help, since each read must see what committed before it.",
    "connections to PostgreSQL": "PgBouncer in transaction mode, or smaller pools "
    "(`EARSHOT_DATABASE_CONNECTIONS`, `EARSHOT_HUB_CONNECTIONS`).",
    "CPU of the broker": "More hosts in `REDIS_URL`: groups are spread over them by name.",
    f"disk, for {loads.DAYS} days of logs and ledger": "Prune earlier "
    "(`manage.py prune --older-than`), or a larger disk.",
}


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of Markdown."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def tables(of: Units, limits: Mapping[str, Any] = DEFAULTS) -> dict[str, str]:
    """Every table of the page by its name."""
    most = limits["sockets_per_tenant"]
    placements = [workload.placed(stage, most) for stage in STAGES]
    found = [
        loads.parts(stage, placement, of, limits)
        for stage, placement in zip(STAGES, placements, strict=True)
    ]
    largest = STAGES[-1]
    return {
        "units": _units(of),
        "assumptions": _assumptions(),
        "rates": _rates(limits, placements),
        "parts": _parts(found),
        "first": first(found[-1], largest),
        "storms": _storms(largest, found[-1], of, limits),
        "hot": _hot(largest, most, of),
    }


def _units(of: Units) -> str:
    rows = [(units.title(each.name), number(getattr(of, each.name))) for each in fields(of)]
    return table(("one of", "measured"), rows)


def _assumptions() -> str:
    one = STAGES[-1]
    return table(
        ("what", "assumed"),
        (
            ("subscriptions of a socket", one.subscriptions),
            ("readers of an object, on average", one.readers),
            ("audiences that see a change", one.audiences),
            ("writes of a socket's user an hour", f"{one.writes:g}"),
            ("changes of access an hour, for each socket", f"{one.access_changes:g}"),
            ("reconnects of a socket an hour", f"{one.connects:g}"),
            ("sockets of a tenant", "as 1 / rank^0.8, at most `EARSHOT_SOCKETS_PER_TENANT`"),
            ("a socket's worker", "any, at random: the load balancer knows no tenants"),
            ("cores of PostgreSQL, of a broker's host", f"{loads.DATABASE_CORES}, 1"),
            ("in use at most of a core", f"{loads.SPARE:.0%}"),
            ("memory of a worker", f"{loads.WORKER_MEMORY / 2**20:g} GB"),
            ("`max_connections`", loads.DATABASE_CONNECTIONS),
            ("disk, and days that rows are kept", f"{loads.DISK / 1e12:g} TB, {loads.DAYS}"),
        ),
    )


def _heads(first: str) -> list[str]:
    return [first, *(f"sockets: {s.sockets:,}; workers: {s.processes}" for s in STAGES)]


def _rates(limits: Mapping[str, Any], placements: list[workload.Placement]) -> str:
    pairs = list(zip(STAGES, placements, strict=True))
    rates = [loads.rates(stage, placement, limits) for stage, placement in pairs]
    rows: list[tuple[str, list[float]]] = [
        ("tenants", [stage.tenants for stage in STAGES]),
        ("sockets of the largest tenant", [p.largest for p in placements]),
        ("groups in the broker", [p.groups + p.tenant_groups for p in placements]),
        ("workers with readers of a writer's tenant", [p.processes_of_writer for p in placements]),
        ("writes a second", [r.writes for r in rates]),
        ("messages to the broker a second", [r.publishes for r in rates]),
        ("messages from it to workers a second", [r.deliveries for r in rates]),
        ("frames to sockets a second", [r.frames for r in rates]),
        ("subscriptions a second, of who reconnects", [r.subscribes for r in rates]),
        ("looks of tails a second", [r.looks for r in rates]),
        ("changes that a look of a tail reads", [r.read_rows / r.looks for r in rates]),
        ("changes that a look of a tail passes over", [r.passed_rows / r.looks for r in rates]),
        ("rows of the ledger and the logs a day, millions",
         [sum(loads.rows_of_a_day(r, s).values()) / 1e6
          for r, s in zip(rates, STAGES, strict=True)]),
    ]  # fmt: skip
    return table(_heads("derived"), ([what, *map(number, found)] for what, found in rows))


def _parts(found: list[list[Part]]) -> str:
    rows = []
    for same in zip(*found, strict=True):
        part = same[0]
        name = f"**{part.name}**, at most {number(part.limit)} {part.unit}"
        rows.append([name, *(f"{number(p.used)} ({p.load:.0%})" for p in same)])
        rows += [[f"- {what}", *(number(p.by[what]) for p in same)] for what in part.by]
    return table(_heads("derived"), rows)


def first(found: list[Part], at: Workload) -> str:
    rows = [
        (part.name, f"{number(at.sockets / part.load)}", ANSWERS[part.name])
        for part in sorted(found, key=lambda part: -part.load)
    ]
    return table((f"of {at.processes} workers, full", "at so many sockets", "then"), rows)


def _storms(at: Workload, found: list[Part], of: Units, limits: Mapping[str, Any]) -> str:
    """What is full is taken to have been enlarged, until no more than may be is in use."""
    used = {part.name: min(part.used, part.limit) for part in found}
    rows = []
    for lost in (1, 5, at.processes):
        there = used["CPU of a worker"], used["CPU of PostgreSQL"]
        # If all are lost, nobody is there to be served meanwhile.
        s = queues.storm(at, lost, of, limits, *((0.0, 0.0) if lost == at.processes else there))
        rows.append((lost, f"{s.sockets:,}", *map(number, s[1:])))
    return table(
        ("workers die", "sockets", "half are back after, s", "99 % after, s", "all after, s",
         "longest wait, s"), rows,
    )  # fmt: skip


def _hot(at: Workload, most: int, of: Units) -> str:
    rows = [
        (h.where, f"{h.sockets:,}", number(h.held * 1000), number(h.changes), number(h.loss))
        for h in queues.hot(at, most, of)
    ]
    return table(
        ("its sockets", "how many", "a worker is at a change for, ms",
         "changes a second, with half a core", "a loss that touches all is applied in, s"), rows,
    )  # fmt: skip


def filled(page: str, made: Mapping[str, str]) -> str:
    """The page with its tables in their places."""
    for name, text in made.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    return page


def current() -> dict[str, str]:
    """The tables for the results in the repository."""
    return tables(units.read(json.loads(RESULTS.read_text())))


def write() -> dict[str, str]:
    """Write the page anew; its tables."""
    made = current()
    PAGE.write_text(filled(PAGE.read_text(), made))
    return made

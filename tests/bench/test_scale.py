"""The simulation behind docs/scale.md: the page shows it, and it moves as deployments do."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from bench.scale import document, load, queues, units, workload
from bench.scale.units import NotMeasured, Units
from bench.scale.workload import STAGES, Workload
from tenants.limits import DEFAULTS

COST = Units(*[10.0] * len(dataclasses.fields(Units)))
SMALL = Workload(tenants=40, sockets=400, processes=4)
TWICE = dataclasses.replace(SMALL, writes=2 * SMALL.writes)
MOST = 10_000


def parts(of: Workload, cost: Units = COST) -> dict[str, load.Part]:
    placement = workload.placed(of, MOST)
    return {part.name: part for part in load.parts(of, placement, cost, DEFAULTS)}


def test_page_shows_what_the_simulation_gives_for_the_results_in_the_repository() -> None:
    page = document.PAGE.read_text()
    made = document.current()
    assert document.filled(page, made) == page, "run `make scale`"
    assert all(text in page for text in made.values())


def test_unit_that_was_not_measured_is_named() -> None:
    rows: list[dict[str, Any]] = [
        {"figure": units.title(each.name), "found": 1.0} for each in dataclasses.fields(Units)
    ]
    results = {"units": {"rows": rows}}
    assert units.read(results) == Units(*[1.0] * len(rows))
    rows[3]["found"] = "missing: it took too long"
    with pytest.raises(NotMeasured, match="ROWS=units") as raised:
        units.read(results)
    assert raised.value.titles == [rows[3]["figure"]]
    with pytest.raises(NotMeasured):
        units.read(json.loads("{}"))


def test_same_seed_gives_the_same_and_another_nearly_the_same() -> None:
    one, same, other = (workload.placed(STAGES[1], MOST, seed) for seed in (1, 1, 2))
    assert one == same != other
    assert one.groups == pytest.approx(other.groups, rel=0.02)


def test_sockets_are_as_many_as_said_and_no_tenant_has_more_than_it_may() -> None:
    for stage in STAGES:
        sizes = workload.sizes(stage, MOST)
        assert len(sizes) == stage.tenants
        assert sum(sizes) == pytest.approx(stage.sockets, rel=0.1)
        assert max(sizes) <= MOST
        assert min(sizes) >= 1


def test_one_worker_is_in_each_group_once_and_many_are_in_more() -> None:
    alone = workload.placed(STAGES[0], MOST)
    assert alone.processes_of_writer == 1
    assert alone.groups <= alone.objects * STAGES[0].audiences
    spread = workload.placed(dataclasses.replace(STAGES[0], processes=50), MOST)
    assert alone.groups < spread.groups <= STAGES[0].sockets * STAGES[0].subscriptions


def test_twice_the_writes_cost_twice_what_writes_cost_and_nothing_else_more() -> None:
    once, twice = (parts(each)["CPU of PostgreSQL"].by for each in (SMALL, TWICE))
    for what in once:
        factor = 2 if what in ("writes", "tail") else 1
        assert twice[what] == pytest.approx(factor * once[what])


def test_sweep_takes_no_more_than_its_budget() -> None:
    dear = dataclasses.replace(COST, worker_sweep=1e6)
    assert parts(SMALL, dear)["CPU of a worker"].by["sweep"] == DEFAULTS["sweep_budget"]
    assert parts(SMALL, dear)["the sweep's budget"].load > 1


def test_every_part_has_an_answer_and_the_fullest_comes_first() -> None:
    found = parts(SMALL)
    assert document.ANSWERS.keys() == found.keys()
    dear = dataclasses.replace(COST, broker_publish=1e6)
    first = document.first(list(parts(SMALL, dear).values()), SMALL).splitlines()[2]
    assert first.startswith("| CPU of the broker |")


def test_more_lost_workers_keep_clients_waiting_longer_than_a_window() -> None:
    def storm(lost: int, used: float) -> queues.Storm:
        cost = dataclasses.replace(COST, worker_connect=2_000.0)
        return queues.storm(STAGES[1], lost, cost, DEFAULTS, used, 0.0)

    quiet, busy = storm(1, 0.1), storm(1, 0.7)
    assert quiet.sockets == STAGES[1].sockets // STAGES[1].processes
    assert DEFAULTS["retry_min_seconds"] < quiet.median < quiet.late <= quiet.last
    assert busy.waited > quiet.waited
    assert storm(5, 0.1).last > quiet.last


def test_tenant_on_one_worker_holds_it_longer_than_one_on_all() -> None:
    one, spread = queues.hot(STAGES[-1], MOST, COST)
    assert one.held == pytest.approx(STAGES[-1].processes * spread.held)
    assert one.changes < spread.changes
    assert one.loss > spread.loss

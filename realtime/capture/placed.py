"""The tables of the paths by which tenants are found: a write to one moves whole objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from permissions.audiences import Resource, registry
from realtime.capture.intervals import named_by
from realtime.capture.live import MOVED, lives
from realtime.capture.tables import Access, of_table
from realtime.capture.triggers import literal, quoted
from tenants.keys import kind_of, logged
from tenants.tenancy import Step, Tenancy

NOTHING: Final = "SELECT NULL AS tenant, NULL, NULL, NULL FROM {row} r WHERE 1 = 0"


def accesses() -> Iterator[Access]:
    """Yield each table of each path: what refers to its rows is in another tenant after a write."""
    for resource in registry:
        for number, model in enumerate(_models(resource)):
            yield from _step(resource, number, model)


def _models(resource: Resource) -> Iterator[Any]:
    """Yield the models of the path's steps."""
    model: Any = resource.model
    for name in resource.tenancy.path.split("__")[:-1]:
        model = model._meta.get_field(name).related_model
        yield model


def _step(resource: Resource, number: int, model: Any) -> Iterator[Access]:
    """Yield a step's table, which is named again for each further kind of interval."""
    own = resource.tenancy
    target: Any = resource.model._meta
    column, rest = _onwards(own, number)
    tables = [step.table for step in own.steps[:number]]
    spelled = logged(kind_of(resource.model), f"o.{quoted(target.pk.column)}")
    touch = (
        f"SELECT {rest.sql('r')} AS tenant, NULL, {literal(resource.label)}, {spelled}"
        f" FROM {{row}} r{_down(own.steps[: number + 1], target.db_table)}"
    )
    key = own.steps[number].key
    how: dict[str, Any] = {
        **of_table(model),
        "cause": MOVED,
        "watch": (column, key),
        "joins": (target.db_table, *tables, *rest.tables),
    }
    # Only the intervals of what refers to a row itself are moved with it.
    [live] = [each for each in lives() if each.table == target.db_table]
    kept = list(live.kept.values()) if number == 0 else []
    condition = f"w.{quoted(own.steps[0].column)} = {{side}}.{quoted(key)}"
    for place, each in enumerate(kept or [None]):
        name = f"{target.db_table}_{number}" + (f"_{place}" if place else "")
        moved = each and named_by(each, target.db_table, condition)
        yield Access(**how, name=name, touch=NOTHING if place else touch, kept=moved)


def _onwards(own: Tenancy, number: int) -> tuple[str, Tenancy]:
    """Return the column of this step's table that leads on, and the path from there."""
    steps = own.steps[number + 1 :]
    rest = replace(own, steps=steps)
    return (steps[0].column if steps else own.column), rest


def _down(steps: tuple[Step, ...], objects: str) -> str:
    """Return the joins from a row of the last of these steps down to the objects."""
    joined, upper = "", "r"
    for number in range(len(steps) - 1, 0, -1):
        below, step = f"q{number}", steps[number]
        joined += (
            f" JOIN {quoted(steps[number - 1].table)} {below}"
            f" ON {below}.{quoted(step.column)} = {upper}.{quoted(step.key)}"
        )
        upper = below
    first, of = steps[0], quoted(steps[0].column)
    return f"{joined} JOIN {quoted(objects)} o ON o.{of} = {upper}.{quoted(first.key)}"

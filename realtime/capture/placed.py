"""The tables of the paths by which tenants are found: a write to one moves whole objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.db import connection

from permissions.audiences import Resource, registry
from permissions.grant_tables import GrantTable, of_type, spelled
from permissions.links import links
from permissions.rows import Listed
from permissions.rows import listed as rows_of
from realtime.capture import granted, intervals, listed, locks
from realtime.capture.intervals import Kept, named_by
from realtime.capture.live import MOVED, lives
from realtime.capture.tables import Access, of_table
from realtime.capture.triggers import literal, quoted
from tenants.keys import kind_of, logged
from tenants.tenancy import Step, Tenancy, along


def accesses() -> Iterator[Access]:
    """Yield each table of each path: what refers to its rows is in another tenant after a write."""
    for resource in registry:
        for number, model in enumerate(along(resource.model, resource.tenancy)):
            yield from _step(resource, number, model)


def _step(resource: Resource, number: int, model: Any) -> Iterator[Access]:
    """Yield a step's table, which is named again for each further kind of interval."""
    own = resource.tenancy
    target = _meta(resource)
    column, rest = _onwards(own, number)
    step = own.steps[number]
    tables = [each.table for each in own.steps[:number]]
    key = logged(kind_of(resource.model), f"o.{quoted(target.pk.column)}")
    how: dict[str, Any] = {
        **of_table(model),
        "cause": MOVED,
        "touch": f"SELECT {rest.sql('r')} AS tenant, NULL, {literal(resource.label)}, {key}"
        f" FROM {{row}} r{_down(own.steps[: number + 1], target.db_table)}",
        "watch": (column, step.key),
        "joins": (target.db_table, *tables, *rest.tables),
        "locks": locks.moving(step.table, step.key, rest),
    }
    name = f"{target.db_table}_{number}"
    kinds = [*_kept(resource, number)]
    yield Access(**how, name=name, kept=kinds[0] if kinds else None)
    for place, kept in enumerate(kinds[1:], start=1):
        yield Access(**how, name=f"{name}_{place}", events=(), kept=kept)


def _kept(resource: Resource, number: int) -> Iterator[Kept]:
    """Yield the intervals that go on in another tenant when a row of this step moves: those of
    holders, of grants, and of rows that link the objects with users."""
    target: Any = resource.model._meta.concrete_model
    table, key = target._meta.db_table, target._meta.pk.column
    [live] = [each for each in lives() if each.table == table]
    for kept in live.kept.values():
        yield named_by(kept, table, _under(resource, number, key))
    for grants in granted.tables():
        if grants.target is target:
            kept = intervals.grants(grants, connection.vendor)
            yield named_by(kept, grants.table, _granted(resource, number, grants))
    for each in rows_of(resource):
        for kept, rows, column in listed.kept(each):
            text = connection.vendor if each.by_text else ""
            under = _under(resource, number, column, text)
            yield named_by(kept, rows, f"{under}{_of_type(each)}")
    for link in links(resource):
        permission = resource.declared(link.audience).permission
        kept = intervals.linked(link, target, permission)
        yield named_by(kept, link.table, _under(resource, number, link.object))


def _granted(resource: Resource, number: int, grants: GrantTable) -> str:
    """Return the condition that a row (w) of a table of grants is on an object of a step's row."""
    column = grants.columns["object"]
    if not grants.is_generic:
        return _under(resource, number, column)
    kind = grants.is_of_type("w")
    return f"{_under(resource, number, column, connection.vendor)} AND {kind}"


def _of_type(each: Listed) -> str:
    """Return the condition that a row (w) that names a content type names the objects'."""
    if isinstance(each.rows.object, str):
        return ""
    column = each.value(each.rows.object[0], "w")
    return f" AND {of_type(each.resource.model._meta.concrete_model, column)}"


def _under(resource: Resource, number: int, column: str, spelled_by: str = "") -> str:
    """Return the condition that the column of a row (w) names an object that the written row of
    this step places; `spelled_by` is the database in whose text it does."""
    own, target = resource.tenancy, _meta(resource)
    key = f"o.{quoted(target.pk.column)}"
    if spelled_by:
        key = spelled(target.concrete_model, spelled_by, key)
    steps = own.steps[: number + 1]
    written = f"(SELECT {{side}}.{quoted(steps[-1].key)} AS {quoted(steps[-1].key)}) r"
    down = _down(steps, target.db_table)
    return f"w.{quoted(column)} IN (SELECT {key} FROM {written}{down})"


def _meta(resource: Resource) -> Any:
    return resource.model._meta


def _onwards(own: Tenancy, number: int) -> tuple[str, Tenancy]:
    """Return the column of this step's table that leads on, and the path from there."""
    steps = own.steps[number + 1 :]
    rest = replace(own, steps=steps)
    return (steps[0].column if steps else own.column), rest


def _down(steps: tuple[Step, ...], objects: str) -> str:
    """Return the joins from a row (r) of the last of these steps down to the objects (o)."""
    joined, upper = "", "r"
    for number in range(len(steps) - 1, 0, -1):
        below, step = f"q{number}", steps[number]
        joined += f" JOIN {quoted(steps[number - 1].table)} {below} ON {step.joins(below, upper)}"
        upper = below
    return f"{joined} JOIN {quoted(objects)} o ON {steps[0].joins('o', upper)}"

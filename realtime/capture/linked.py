"""The tables of many-to-many fields that name holders: which of their rows touch whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from permissions.audiences import registry
from permissions.links import links
from realtime.capture import intervals, locks
from realtime.capture.granted import moved
from realtime.capture.live import HELD
from realtime.capture.tables import Access, of_table
from realtime.capture.triggers import literal, looked_up, quoted
from tenants.keys import kind_of, logged


def accesses() -> Iterator[Access]:
    """Yield the table of each such field."""
    for resource in registry:
        target: Any = resource.model._meta.concrete_model
        key, table = quoted(target._meta.pk.column), target._meta.db_table
        spelled = logged(kind_of(target), f"o.{key}")
        place = resource.tenancy
        for link in links(resource):
            permission = resource.declared(link.audience).permission
            yield Access(
                **of_table(link.through),
                cause=HELD,
                name=link.field,
                touch=f"SELECT {place.sql('o')} AS tenant, r.{quoted(link.user)},"
                f" {literal(resource.label)}, {spelled} FROM {{row}} r"
                f" {looked_up(table, 'o', f'o.{key} = r.{quoted(link.object)}')}",
                watch=(link.object, link.user),
                joins=(table, *place.tables),
                kept=(kept := intervals.linked(link, target, permission)),
                locks=locks.named(target, f"o.{key} = {locks.SIDE}.{quoted(link.object)}"),
                many=True,
            )
            side = f"w.{quoted(link.object)} = {{side}}.{key}"
            by = intervals.named_by(kept, link.table, side)
            moves = [moved(target, f"{table}_{link.field}", by, ("UPDATE",))]
            yield from moves if locks.can_move(target) else ()

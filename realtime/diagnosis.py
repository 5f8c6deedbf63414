"""What `manage.py doctor` looks at in a live installation. Nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import connection

from permissions.audiences import Resource, registry
from permissions.form_checks import followed
from permissions.stored import is_beside
from realtime.capture.installing import differences

SECONDS: Final = 5.0
"""How long the broker may take to return a message."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is as it should be, or is not."""

    is_good: bool
    text: str


def captured() -> Iterator[Finding]:
    """Say whether the triggers are there, and what of each declared model they follow."""
    if wrong := str(differences()):
        yield Finding(
            False,
            f"Not every write is captured: {wrong}. Run manage.py migrate, which reinstalls the"
            " triggers and rereads everything.",
        )
    else:
        yield Finding(True, "All triggers are installed and enabled.")
    there = set(connection.introspection.table_names())
    for resource in registry:
        absent = [m for m in followed(resource) if m._meta.db_table not in there]
        if absent:
            table = absent[0]._meta.db_table
            yield Finding(
                False,
                f"{resource.label} is not captured: there is no table {table!r}. Run manage.py"
                " migrate, or give `db_table` the table's very name.",
            )
            continue
        where = "beside its rows" if is_beside(resource.model) else "in its rows"
        path = resource.tenancy.path
        tenant = f"its tenant is found by {path!r}" if path else "all of it is in one tenant"
        yield Finding(True, f"{resource.label} is captured: versions {where}, {tenant}.")


def indexed() -> Iterator[Finding]:
    """Say of each declared model whether an index has a tenant's objects together."""
    for resource in registry:
        own = resource.tenancy
        if own.column and not own.steps:
            yield _index(resource, own.column)


def _index(resource: Resource, column: str) -> Finding:
    model: Any = resource.model
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
    kept = [each["columns"] for each in found if each["index"] or each["unique"]]
    if any(columns[:1] == [column] for columns in kept):
        return Finding(True, f"{resource.label} has an index that begins with {column!r}.")
    fields = f'fields=["{resource.tenancy.path}", "{model._meta.pk.name}"]'
    return Finding(False, f"{resource.label} has no index by {column!r}: add Index({fields}, …).")


def reachable() -> Iterator[Finding]:
    """Say whether the broker returns a message; that the database answers, all else shows."""
    try:
        async_to_sync(_ask)()
    except Exception as error:  # of whichever layer
        yield Finding(False, f"The broker does not return a message: {error!r}.")
    else:
        yield Finding(True, "The database answers, and the broker returns a message.")


async def _ask() -> None:
    layer: Any = get_channel_layer()
    async with asyncio.timeout(SECONDS):
        channel = await layer.new_channel("earshot.doctor")
        await layer.send(channel, {"type": "earshot.doctor"})
        await layer.receive(channel)

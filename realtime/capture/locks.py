"""Locks on PostgreSQL for what another row places in a tenant.

Somebody may write an object, or a grant on it, while a row that says which its tenant is moves to
another one: neither of two transactions sees what the other has not committed. So whoever writes
locks the rows by which the object is placed as a foreign key does, which holds up nobody but who
moves one of them; that one locks it against all others, and reads only then what it places. On
SQLite only one transaction writes at a time.

Each statement sees what committed before it. A transaction that repeats reads sees less: it locks
those rows against any update, so that it fails to serialize if one was moved meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from permissions.stored import is_beside
from realtime.capture.triggers import quoted
from tenants.placed import tenancy_of
from tenants.tenancy import Tenancy

STAY: Final = "FOR KEY SHARE"
REPEATS: Final = "current_setting('transaction_isolation') IN ('repeatable read', 'serializable')"
SHARE: Final = "FOR SHARE"
"""What fails there if the row was updated: the weaker one takes the row as it was before."""

SIDE: Final = "{side}"
"""Stands for the written row in what is returned here."""


def path(own: Tenancy, row: str = SIDE) -> str:
    """Return the statements that keep the rows of a written row's path where they are.

    There is one for each: only when a row is locked, it is known to which it leads.
    """
    if not own.steps:
        return ""
    first = own.steps[0]
    here = first.joins(row, "p0")
    joined = _joined(own)
    return _in_any_isolation(
        f"PERFORM 1 FROM {quoted(first.table)} p0{joined[number]} WHERE {here} {STAY} OF p{number};"
        for number in range(len(own.steps))
    )


def _in_any_isolation(statements: Iterable[str]) -> str:
    text = "\n".join(statements)
    return f"IF {REPEATS} THEN\n{text.replace(STAY, SHARE)}\nELSE\n{text}\nEND IF;"


def _joined(own: Tenancy) -> list[str]:
    """Return, for each step, the joins that lead to it from the first."""
    found = [""]
    for number, step in enumerate(own.steps[1:], start=1):
        upper = f"p{number}"
        joins = step.joins(f"p{number - 1}", upper)
        found.append(f"{found[-1]} JOIN {quoted(step.table)} {upper} ON {joins}")
    return found


def named(target: Any, condition: str) -> str:
    """Return the statements that keep the objects (o) that a written row names where they are.

    Empty if objects of the model stay in their tenants.
    """
    if not can_move(target):
        return ""
    table = quoted(target._meta.db_table)
    found = [f"PERFORM 1 FROM {table} o WHERE {condition} {STAY};"]
    found += [
        f"PERFORM 1 FROM {table} o{rows} WHERE {condition} {STAY} OF p{number};"
        for number, rows in enumerate(_from_object(tenancy_of(target)))
    ]
    return _in_any_isolation(found)


def _from_object(own: Tenancy) -> list[str]:
    """Return, for each step, the joins that lead to it from an object (o)."""
    if not own.steps:
        return []
    first = own.steps[0]
    start = f" JOIN {quoted(first.table)} p0 ON {first.joins('o', 'p0')}"
    return [start + rows for rows in _joined(own)]


def can_move(target: Any) -> bool:
    """Return whether objects of the model may come into another tenant."""
    return is_beside(target) and bool(tenancy_of(target).columns)


def moving(table: str, key: str, rest: Tenancy) -> str:
    """Return the statements by which an update that moves a row waits for all that it places, and
    keeps where they are the rows by which it was and is placed itself."""
    mine = f"PERFORM 1 FROM {quoted(table)} m WHERE m.{quoted(key)} = {SIDE}.{quoted(key)}"
    waits = "\n".join(filter(None, [f"{mine} FOR UPDATE;", path(rest)]))
    return f"IF TG_OP = 'UPDATE' THEN\n{waits}\nEND IF;"


def hold(model: Any, rows: QuerySet[Any]) -> None:
    """Lock these rows, and keep them in their tenants until the transaction ends."""
    own = tenancy_of(model)
    if connection.vendor != "postgresql" or not own.steps:
        return
    meta, objects = model._meta, quoted(model._meta.db_table)
    prepare, key = meta.pk.get_db_prep_value, f"o.{quoted(meta.pk.column)}"
    keys = [prepare(pk, connection) for pk in rows.values_list("pk", flat=True)]
    with connection.cursor() as cursor:
        for number, joins in enumerate(_from_object(own)):
            placing = f"SELECT 1 FROM {objects} o{joins} WHERE {key} = ANY(%(keys)s) AND"
            cursor.execute(
                f"WITH here AS ({placing} NOT {REPEATS} {STAY} OF p{number}),"
                f" there AS ({placing} {REPEATS} {SHARE} OF p{number})"
                " SELECT 1 FROM here UNION ALL SELECT 1 FROM there",
                {"keys": keys},
            )

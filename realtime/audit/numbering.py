"""The access revisions, in one tenant, of what belongs to none: memberships of groups, and users
who are deactivated.

Such an interval bears only times, but the access change that was written with it is numbered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection

from permissions.models import AccessChange
from realtime.audit.viewings import Applied
from realtime.capture.interval_models import Belongs
from tenants.keys import Key

BATCH: Final = 200
BESIDE: Final = timedelta(seconds=10)
"""How far the times of an interval and of its access change may be apart, on a slow machine. On
PostgreSQL the change is written next, on SQLite it was before, with the same time."""
NEAREST: Final = {
    "postgresql": ("asked.at AND asked.high", ""),
    "sqlite": ("asked.low AND asked.at", "DESC"),
}
COMMITTED: Final = timedelta(minutes=10)
"""How long a transaction may take that wrote both: only then the change is numbered."""


class Edge(NamedTuple):
    """Where an interval begins or ends, whose it is, and why."""

    user_id: Key
    cause: str
    at: datetime
    ends: bool
    """Of changes at one time the first begins an interval, and the last ends one."""


def number(
    tenant_id: int, rows: Iterable[Belongs], processes: Collection[int], since: datetime
) -> None:
    """Give rows of no tenant the revisions that they began and ended with in this one, where that
    was after `since`. These processes have applied some of the tenant's revisions."""
    edges: dict[Edge, list[tuple[Belongs, str]]] = {}
    for row in rows:
        if row.tenant_id is None and row.user_id is not None:
            for name, cause, at, ends in (
                ("since", row.began, row.began_at, False), ("until", row.ended, row.ended_at, True),
            ):  # fmt: skip
                if at is not None and at + COMMITTED > since:
                    edges.setdefault(Edge(row.user_id, cause, at, ends), []).append((row, name))
    for edge, revision in _found(tenant_id, list(edges), min(processes, default=0)):
        for row, name in edges[edge]:
            setattr(row, name, revision)


def _found(
    tenant_id: int, edges: Sequence[Edge], process: int
) -> Iterator[tuple[Edge, int | None]]:
    for start in range(0, len(edges), BATCH):
        some = edges[start : start + BATCH]
        adapt: Any = connection.ops.adapt_datetimefield_value
        user: Any = AccessChange._meta.get_field("user_id")
        values = [
            value
            for n, edge in enumerate(some)
            for value in (
                n, user.get_db_prep_value(edge.user_id, connection), edge.cause,
                adapt(edge.at - BESIDE), adapt(edge.at),
                adapt(edge.at + BESIDE), adapt(edge.at + COMMITTED), edge.ends,
            )
        ]  # fmt: skip
        with connection.cursor() as cursor:
            bounds = [tenant_id, tenant_id, process, tenant_id, process]
            cursor.execute(_statement(len(some)), [*values, *bounds, *bounds])
            for number, revision in cursor.fetchall():
                yield some[number], revision


def _statement(edges: int) -> str:
    """Return SQL for the nearest change of each user or of all, among those that were committed
    while the process went from what it had applied before to what it had applied long after."""
    applied, changes = (
        connection.ops.quote_name(model._meta.db_table) for model in (Applied, AccessChange)
    )
    bound = (
        f"(SELECT a.revision FROM {applied} a WHERE a.tenant_id = %s"  # noqa: S608 -- names only
        " AND a.process = %s AND a.at {} ORDER BY a.at {}, a.id {} LIMIT 1)"
    )
    change = (
        f"(SELECT c.revision FROM {changes} c WHERE c.tenant_id = %s"  # noqa: S608 -- names only
        f" AND c.revision > coalesce({bound.format('< asked.low', 'DESC', 'DESC')}, 0)"
        f" AND c.revision <= coalesce({bound.format('> asked.late', '', '')}, {2**62})"
        " AND c.at BETWEEN {} AND (c.user_id = asked.user_id"
        " AND c.cause = asked.cause OR c.user_id IS NULL AND c.model IS NULL)"
        " ORDER BY c.at {}, c.revision {} LIMIT 1)"
    )
    first, last = (change.format(*NEAREST[connection.vendor], sort) for sort in ("", "DESC"))
    asked = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * edges)
    return (
        f"WITH asked(number, user_id, cause, low, at, high, late, ends) AS (VALUES {asked})"  # noqa: S608
        f" SELECT asked.number, CASE WHEN asked.ends THEN {last} ELSE {first} END FROM asked"
    )

"""The list: which objects of a resource a user sees, newest first, for REST and windows alike.

The order is that of the keys, downwards: it is total, and never changes. Reading starts from the
ways by which the user sees objects, each read by its index and no further than the list goes, so
that a list costs what it shows and not what the tenant holds. A user in several tenants is the
exception: their grants elsewhere are passed over one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from permissions.audiences import Resource
from permissions.filter_columns import condition
from permissions.filters import EVERYTHING, Where
from permissions.list_statements import Branches, ways_found
from permissions.list_ways import Found, Way
from permissions.rows import listed
from tenants.keys import Key
from tenants.models import Role
from tenants.roles import group_name

AT_ONCE: Final = 50
"""The number of branches in one statement: SQLite allows 500, and few variables."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A part of a user's list: `limit` objects that match `where`, those below the key `after`."""

    user_id: int
    limit: int
    after: Key | None = None
    where: Where = EVERYTHING


def list_within(resource: Resource, tenant_id: int, asks: Sequence[Ask]) -> list[list[Key]]:
    """Return for each ask the keys, newest first, in the caller's snapshot or transaction.

    One more than `limit` says that there are more. An object is listed if it has an audience for
    the user, whose payload matches. Takes two statements for the ways and branches of some dozen
    asks, whatever the number of objects.
    """
    ways = _ways(resource, tenant_id, {ask.user_id for ask in asks})
    found: list[set[Key]] = [set() for _ in asks]
    branches = Branches(resource, connection, tenant_id)
    for number, ask in enumerate(asks):
        for way in _needed(ways[ask.user_id], ask.where):
            _add(branches, resource, number, ask, way, ways[ask.user_id])
            if len(branches) == AT_ONCE:
                _collect(branches, found)
                branches = Branches(resource, connection, tenant_id)
    if len(branches):
        _collect(branches, found)
    return [
        sorted(keys, reverse=True)[: ask.limit + 1] for keys, ask in zip(found, asks, strict=True)
    ]


def _collect(branches: Branches, found: list[set[Key]]) -> None:
    for number, pk in branches.run():
        found[number].add(pk)


def _add(
    branches: Branches, resource: Resource, number: int, ask: Ask, way: Way, ways: Iterable[Way]
) -> None:
    """Add a way's branch, unless nothing that it shows can match."""
    audience = resource.audiences[way.rank]
    text = condition(resource, audience, ask.where, branches.parameters, connection)
    if text is None:
        return
    better = [other for other in ways if other.rank < way.rank] if ask.where else []
    branches.add(number, way, ask.after, ask.limit + 1, text, better)


def _needed(ways: list[Way], where: Where) -> list[Way]:
    """Return the ways that may show something which no other does."""
    everything = [way for way in ways if way.is_of_all]
    return everything if everything and not where else ways


def _ways(resource: Resource, tenant_id: int, users: set[int]) -> dict[int, list[Way]]:
    """Return each user's ways to the tenant's objects, as `decision` knows them.

    Without those that are never the first: a role's audience of everything covers later ones.
    """
    rows = ways_found(resource, connection, tenant_id, users)
    named = {group_name(tenant_id, role): role for role in Role.values}
    roles = {row.user: row.name for row in rows if row.what == "member"}
    places = {row.group: named[row.name] for row in rows if row.what == "role"}
    granted: defaultdict[int | str, list[Way]] = defaultdict(list)
    for row in rows:
        if row.name not in resource.permissions:
            continue
        rank = resource.permissions.index(row.name)
        if row.what.startswith("own"):
            granted[row.user].append(_granted(rank, row, row.user))
        elif row.what.startswith("granted"):
            granted[places[row.group]].append(_granted(rank, row, row.group))
        elif row.group not in places:
            granted[row.user].append(_granted(rank, row, row.group))
    found: dict[int, list[Way]] = {user_id: [] for user_id in users}
    for user_id, role in roles.items():
        mine = [*_defaults(resource, user_id, role), *granted[user_id], *granted[role]]
        covered = min((w.rank for w in mine if w.is_of_all), default=len(resource.audiences))
        found[user_id] = [w for w in mine if w.rank < covered or w.is_of_all]
    return found


def _granted(rank: int, row: Found, principal: int) -> Way:
    return Way(rank, principal=principal, permission=row.permission, table=row.table)


def _defaults(resource: Resource, user_id: int, role: str) -> Iterable[Way]:
    """Return the ways that the declaration gives the user."""
    rank = resource.permissions.index
    for field, name in resource.holders.items():
        yield Way(rank(resource.declared(name).permission), field, user_id)
    for each in listed(resource):
        for audience in each.given:
            yield Way(rank(audience.permission), rows=each.number, principal=user_id)
    if role in resource.roles:
        yield Way(rank(resource.declared(resource.roles[role]).permission))

"""Who is in which audience: the one decision, for a batch, with one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from django.db import connection

from permissions.audiences import Audience, Resource
from permissions.statements import statement
from tenants.keys import Key
from tenants.models import Role
from tenants.roles import group_name

UserObject = tuple[int, Key]
Row = tuple[Any, ...]
Halves = defaultdict[tuple[str, str], list[str]]
"""By what is had in common, the places of the audiences that this half gives; empty if the other
half says so."""

OWN: Final = 0
BY_ROLE: Final = 1
BY_GROUP: Final = 2
"""The ways to a permission: the user's own, their role's, another group's."""


class Answer:
    """What the statement found for some users and objects of one tenant; decides without I/O."""

    def __init__(
        self, resource: Resource, tenant_id: int, rows: Collection[tuple[Any, ...]]
    ) -> None:
        self.roles: dict[int, str] = {}
        self._resource = resource
        self._objects: set[Key] = set()
        self._own: defaultdict[UserObject, list[str]] = defaultdict(list)
        self._granted: defaultdict[Key, list[tuple[int, str]]] = defaultdict(list)
        self._joined: defaultdict[int, set[int]] = defaultdict(set)
        self._groups: dict[int, str] = {}
        self._in: defaultdict[int, Halves] = defaultdict(lambda: defaultdict(list))
        self._on: defaultdict[Key, Halves] = defaultdict(lambda: defaultdict(list))
        self._same: dict[tuple[Any, ...], Audience | None] = {}
        roles = {group_name(tenant_id, role): role for role in Role.values}
        for kind, user_id, pk, group_id, name in rows:
            if kind == "member":
                self.roles[user_id] = name
            elif kind == "granted":
                self._granted[pk].append((group_id, name))
            elif kind == "joined":
                self._joined[user_id].add(group_id)
            elif kind == "role":
                self._groups[group_id] = roles[name]
            elif kind in ("in", "on"):
                _add(self._in[user_id] if kind == "in" else self._on[pk], name)
            else:  # an object with its holder, or a user's own grant
                self._own[user_id, pk].append(name)
                if kind == "object":
                    self._objects.add(pk)

    def ways(self, user_id: int, pk: Key) -> Iterator[tuple[int, str]]:
        """Return the permissions that the user holds on the object, each with the way to it.

        Only active members of active tenants hold any, and only on the tenant's visible objects. A
        grant to a role counts for users with that role, not for members of its group.
        """
        role = self.roles.get(user_id)
        if role is None or pk not in self._objects:
            return
        for name in self._own.get((user_id, pk), ()):
            yield OWN, name
        if role in self._resource.roles:
            yield BY_ROLE, self._resource.declared(self._resource.roles[role]).permission
        joined = self._joined.get(user_id, ())
        for group_id, name in self._granted.get(pk, ()):
            if group_id in self._groups:
                if self._groups[group_id] == role:
                    yield BY_ROLE, name
            elif group_id in joined:
                yield BY_GROUP, name
        yield from ((OWN, name) for name in self._together(user_id, pk))

    def _together(self, user_id: int, pk: Key) -> Iterator[str]:
        """Return the permissions by what the user and the object have in common."""
        of_object, of_user = self._on.get(pk), self._in.get(user_id)
        if of_object is None or of_user is None:
            return
        for common in of_object.keys() & of_user.keys():
            for place in (*of_object[common], *of_user[common]):
                if place:
                    yield self._resource.permissions[int(place)]

    def audience(self, user_id: int, pk: Key) -> Audience | None:
        """Return the first audience whose permission the user holds on the object: the same for all
        who have it by the same role and groups."""
        if (user_id, pk) in self._own:
            return self._first(user_id, pk)
        joined = self._joined.get(user_id)
        here = self._in.get(user_id)
        mine = frozenset((each, *places) for each, places in here.items()) if here else None
        by = pk, self.roles.get(user_id), frozenset(joined) if joined else None, mine
        if by not in self._same:
            self._same[by] = self._first(user_id, pk)
        return self._same[by]

    def _first(self, user_id: int, pk: Key) -> Audience | None:
        return self._resource.first(name for _, name in self.ways(user_id, pk))


def _add(halves: Halves, name: str) -> None:
    """Add what a row says is had in common, with the place of the audience if it says which."""
    number, place, key = name.split(" ", 2)
    halves[number, key].append(place)


def ask(resource: Resource, tenant_id: int, pairs: Collection[UserObject]) -> Answer:
    """Return an Answer from one statement, so from one database state, for any number of pairs."""
    if not pairs:
        return Answer(resource, tenant_id, ())
    users = {user_id for user_id, _ in pairs}
    objects = {pk for _, pk in pairs}
    rows = statement(resource, connection).run(connection, [tenant_id], users, objects)
    return Answer(resource, tenant_id, rows)


def ask_across(
    resource: Resource, wanted: Mapping[int, Collection[UserObject]]
) -> dict[int, Answer]:
    """Do `ask` for pairs of several tenants, with one statement for all."""
    if len(wanted) == 1:  # nothing to split
        return {tenant_id: ask(resource, tenant_id, some) for tenant_id, some in wanted.items()}
    pairs = [pair for some in wanted.values() for pair in some]
    users, objects = {user_id for user_id, _ in pairs}, {pk for _, pk in pairs}
    rows = statement(resource, connection).run(connection, wanted.keys(), users, objects)
    return {t: Answer(resource, t, mine) for t, mine in _by_tenant(rows, wanted).items()}


def _by_tenant(rows: Collection[Row], tenants: Iterable[int]) -> dict[int, list[Row]]:
    """Split rows by tenant: a grant belongs to its object's tenant, a user's group to all of the
    user's."""
    found: dict[int, list[Row]] = {tenant_id: [] for tenant_id in tenants}
    roles = {group_name(t, role): t for t in found for role in Role.values}
    places: defaultdict[int, set[int]] = defaultdict(set)
    homes: dict[Key, int] = {}
    for kind, user_id, pk, key, _ in rows:
        if kind == "member":
            places[user_id].add(key)
        elif kind == "object":
            homes[pk] = key
    for row in rows:
        kind, user_id, pk, key, name = row
        if kind in ("joined", "in"):
            here = places[user_id]
        elif kind == "role":
            here = {roles[name]}
        else:
            here = {key if kind == "member" else homes.get(pk, -1)}
        for tenant_id in here & found.keys():
            found[tenant_id].append(row)
    return found


def audiences(
    resource: Resource, tenant_id: int, pairs: Collection[UserObject]
) -> dict[UserObject, Audience | None]:
    """Return, for each (user id, object id), the user's audience in this tenant, or None.

    Users in holders' columns and users with a role have the declared audience, besides what they or
    their groups are granted. Superusers get nothing by being superusers.
    """
    answer = ask(resource, tenant_id, pairs)
    return {pair: answer.audience(*pair) for pair in pairs}

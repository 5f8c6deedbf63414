"""The texts of the list's two statements: by which ways users see objects, and which objects.

Each way is a branch of its own, read in the order of its index and only as far as the list goes.
The texts leave planners no other choice, however many of all grants are the reader's: SQLite begins
with what stands first in a `CROSS JOIN`, and PostgreSQL takes the index of principal, permission
and object, as no other is in the order of the three columns. It does not see that the first two are
constant, since `SAME` does not say so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import Permission

from permissions.audiences import Resource
from permissions.filter_columns import Parameters
from permissions.links import links
from permissions.statements import (
    MEMBERS,
    ROLES,
    column_of,
    link_names,
    names_of,
    nothing,
    visible_where,
    with_keys,
)
from tenants import keys
from tenants.keys import TEXT, Key, converter, kind_of, parameter
from tenants.models import Role
from tenants.roles import group_name

SAME: Final = {
    "postgresql": "({left}) >= ({right}) AND ({left}) <= ({right})",
    "sqlite": "({left}) = ({right})",
}
BEFORE: Final = {
    "postgresql": "({left}) >= ({right}) AND ({left}, {key}) < ({right}, {after})",
    "sqlite": "({left}) = ({right}) AND {key} < {after}",
}

AS_BYTES: Final = {
    ("postgresql", True): ' COLLATE "C"',
    ("postgresql", False): "",
    ("sqlite", True): "",
    ("sqlite", False): "",
}
"""Keys that are texts have the order in which windows compare them; it is that of an index if the
database's own collation is `C`."""

OWN: Final = """
SELECT 'own', u.{user_key}, p.id, {no_group}, p.codename
FROM {users} u CROSS JOIN {permissions} p
WHERE u.{user_key} {in_users} AND p.content_type_id = {type} AND (
    SELECT g.permission_id FROM {user_grants} g WHERE {same_user}
    ORDER BY g.user_id, g.permission_id LIMIT 1) IS NOT NULL
"""
"""The permissions that the users were granted on any object."""

JOINED: Final = """
SELECT 'joined', j.{joined_user}, p.id, j.{joined_group}, p.codename
FROM {joined} j CROSS JOIN {permissions} p
WHERE j.{joined_user} {in_users} AND p.content_type_id = {type} AND (
    SELECT g.permission_id FROM {group_grants} g WHERE {same_joined}
    ORDER BY g.group_id, g.permission_id LIMIT 1) IS NOT NULL
"""
"""The permissions that the users' groups were granted on any object."""

GRANTED: Final = """
SELECT 'granted', {no_user}, p.id, r.id, p.codename
FROM {groups} r CROSS JOIN {permissions} p
WHERE r.name {in_groups} AND p.content_type_id = {type} AND (
    SELECT g.permission_id FROM {group_grants} g WHERE {same_role}
    ORDER BY g.group_id, g.permission_id LIMIT 1) IS NOT NULL
"""
"""The permissions that the tenant's roles were granted on any object."""

OF_GRANTS: Final = """
SELECT * FROM (SELECT {ask} AS ask, g.content_object_id AS pk
FROM {grants} g CROSS JOIN {objects} o
WHERE {same} AND o.{key} = g.content_object_id AND o.tenant_id = {tenant}{conditions}
ORDER BY g.{principal} DESC, g.permission_id DESC, g.content_object_id{bytes} DESC LIMIT {limit}) t
"""
"""The newest objects on which a principal was granted a permission."""

OF_LINKS: Final = """
SELECT * FROM (SELECT {ask} AS ask, l.{object} AS pk
FROM {link} l CROSS JOIN {objects} o
WHERE l.{user} = {whose} AND o.{key} = l.{object} AND o.tenant_id = {tenant}{same}{conditions}
ORDER BY l.{object}{bytes} DESC LIMIT {limit}) t
"""
"""The newest objects whose field names a user."""

OF_OBJECTS: Final = """
SELECT * FROM (SELECT {ask} AS ask, o.{key} AS pk
FROM {objects} o WHERE o.tenant_id = {tenant}{same}{conditions}
ORDER BY o.{key}{bytes} DESC LIMIT {limit}) t
"""
"""The tenant's newest objects."""

UNLINKED: Final = """ AND NOT EXISTS (
    SELECT 1 FROM {link} b WHERE b.{user} = {whose} AND b.{object} = o.{key})"""
"""Only objects whose field does not name the user."""

UNGRANTED: Final = """ AND (
    SELECT b.permission_id FROM {grants} b WHERE b.{principal} IN ({whose})
        AND b.permission_id IN ({permissions}) AND b.content_object_id = o.{key} LIMIT 1) IS NULL"""
"""Only objects on which principals were granted none of these permissions."""

TABLES: Final = {"user_id": "user_grants", "group_id": "group_grants"}


@dataclass(frozen=True, slots=True)
class Way:
    """By which a user sees objects as the audience of this rank.

    By a grant of `permission` to the `principal`, a user's or a group's key in this column; or as
    the user in the holders' field `column`; or, with neither, every object of the tenant.
    """

    rank: int
    column: str = ""
    principal: Key = 0
    permission: int = 0


class Found(NamedTuple):
    """A row of the first statement; each kind leaves unused columns empty."""

    kind: str
    user: Key
    permission: int
    group: int
    name: str


def ways_found(
    resource: Resource, connection: Any, tenant_id: int, users: Collection[Key]
) -> list[Found]:
    """Return the users' roles, the roles' groups, and who was granted what on any object."""
    kept: dict[str, str] = resource.__dict__.setdefault("_ways", {})
    vendor: str = connection.vendor
    concrete: Any = resource.model._meta.concrete_model
    fixed = {"app": concrete._meta.app_label, "model": concrete._meta.model_name}
    if vendor not in kept:
        names = names_of(resource, connection)
        names["no_object"] = nothing(Permission, connection)  # permissions are in its place
        same = SAME[vendor].format
        names["same_user"] = same(
            left="g.user_id, g.permission_id", right=f"u.{names['user_key']}, p.id"
        )
        names["same_joined"] = same(
            left="g.group_id, g.permission_id", right=f"j.{names['joined_group']}, p.id"
        )
        names["same_role"] = same(left="g.group_id, g.permission_id", right="r.id, p.id")
        parts = (MEMBERS, OWN, JOINED, GRANTED, ROLES)
        kept[vendor] = "UNION ALL".join(part.format_map(names) for part in parts)
    pack = json.dumps if vendor == "sqlite" else list
    several = {
        "tenants": pack([tenant_id]),
        "users": pack([parameter(pk, connection) for pk in users]),
        "groups": pack([group_name(tenant_id, role) for role in Role.values]),
    }
    with connection.cursor() as cursor:
        cursor.execute(kept[vendor], {**several, **fixed})
        rows = with_keys(cursor.fetchall(), 1, converter(keys.users(), connection))
    return [Found(*row) for row in rows]


class Branches:
    """The second statement under construction: a branch for each way of each ask."""

    def __init__(self, resource: Resource, connection: Any, tenant_id: int) -> None:
        self.parameters = Parameters()
        self._resource = resource
        self._connection = connection
        self._names = names_of(resource, connection)
        self._names["visible"] = visible_where(resource, connection, self.parameters)
        self._names["tenant"] = self.parameters.put(tenant_id)
        self._names["bytes"] = AS_BYTES[connection.vendor, kind_of(resource.model) == TEXT]
        self._links = {link.field: link_names(link, connection) for link in links(resource)}
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def add(
        self, ask: int, way: Way, after: Key | None, limit: int, conditions: str, better: list[Way]
    ) -> None:
        """Add what a way shows: at most `limit` keys below `after` that meet the conditions.

        Without those of which a better way shows more.
        """
        put = self.parameters.put
        names = {"ask": put(ask), "limit": put(limit)}
        below = None if after is None else put(parameter(after, self._connection))
        if way.permission:
            same = self._same(way, below)
            names |= {"grants": self._names[TABLES[way.column]], "principal": way.column}
        elif way.column in self._links:
            names |= self._links[way.column] | {"whose": self._whose(way)}
            of = names["object"] + self._names["bytes"]
            same = f" AND l.{of} < {below}" if below else ""
        else:
            key = self._names["key"] + self._names["bytes"]
            same = f" AND o.{key} < {below}" if below else ""
            if way.column:
                same += f" AND {self._held(way)} = {self._whose(way)}"
        conditions = self._names["visible"] + conditions + self._unless(better)
        text = OF_LINKS if way.column in self._links else OF_OBJECTS
        text = OF_GRANTS if way.permission else text
        names |= {"same": same, "conditions": conditions}
        self._texts.append(text.format_map(self._names | names))

    def _same(self, way: Way, below: str | None) -> str:
        """Return the condition of a principal's grants of a permission, on keys below one."""
        put, vendor = self.parameters.put, self._connection.vendor
        return (SAME if below is None else BEFORE)[vendor].format(
            left=f"g.{way.column}, g.permission_id",
            right=f"{self._whose(way)}, {put(way.permission)}",
            key="g.content_object_id" + self._names["bytes"],
            after=below,
        )

    def _held(self, way: Way) -> str:
        return f"o.{column_of(self._resource, self._connection, way.column)}"

    def _unless(self, better: list[Way]) -> str:
        texts = []
        for way in better:
            if way.column in self._links and not way.permission:
                names = self._links[way.column] | {"whose": self._whose(way)}
                texts.append(UNLINKED.format_map(self._names | names))
            elif not way.permission:
                held, whose = self._held(way), self._whose(way)
                texts.append(f" AND ({held} IS NULL OR {held} <> {whose})")
        for column, table in TABLES.items():
            some = [way for way in better if way.permission and way.column == column]
            if some:
                names = {
                    "grants": self._names[table],
                    "principal": column,
                    "whose": self._listed({way.principal for way in some}),
                    "permissions": self._listed({way.permission for way in some}),
                }
                texts.append(UNGRANTED.format_map(self._names | names))
        return "".join(texts)

    def _whose(self, way: Way) -> str:
        return self.parameters.put(parameter(way.principal, self._connection))

    def _listed(self, found: Iterable[Key]) -> str:
        prepared = (parameter(key, self._connection) for key in sorted(found))
        return ", ".join(map(self.parameters.put, prepared))

    def run(self) -> list[tuple[Any, ...]]:
        """Return the rows (ask, key)."""
        read = converter(self._resource.model, self._connection)
        with self._connection.cursor() as cursor:
            cursor.execute("UNION ALL".join(self._texts), self.parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return with_keys(rows, 1, read)

"""The texts of the list's two statements: by which ways users see objects, and which objects.

Each way is a branch of its own, read in the order of its index and only as far as the list goes.
The texts leave planners no other choice, however many of all grants are the reader's: SQLite begins
with what stands first in a `CROSS JOIN`, and PostgreSQL takes the index of principal, permission
and object, as no other is in the order of the three columns. It does not see that the first two are
constant, since `SAME` does not say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from django.contrib.auth.models import Permission

from permissions.audiences import Resource
from permissions.filter_columns import Parameters
from permissions.grant_tables import USER
from permissions.links import links
from permissions.list_ways import Found, Way
from permissions.row_statements import held, not_held
from permissions.rows import listed
from permissions.statements import (
    MEMBERS,
    ROLES,
    column_of,
    link_names,
    names_of,
    nothing,
    of_tables,
    visible_where,
    with_keys,
)
from tenants import keys
from tenants.keys import TEXT, Key, converter, kind_of, parameter, parameters
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
SELECT 'own {number}', u.{user_key}, p.id, {no_group}, p.codename
FROM {users} u CROSS JOIN {permissions} p
WHERE u.{user_key} {in_users} AND p.content_type_id = {type} AND (
    SELECT {permission_key} FROM {grants} g WHERE {same_user}{of_type}
    ORDER BY {principal}, {permission_key} LIMIT 1) IS NOT NULL
"""
"""The permissions that the users were granted on any object."""

JOINED: Final = """
SELECT 'joined {number}', j.{joined_user}, p.id, j.{joined_group}, p.codename
FROM {joined} j CROSS JOIN {permissions} p
WHERE j.{joined_user} {in_users} AND p.content_type_id = {type} AND (
    SELECT {permission_key} FROM {grants} g WHERE {same_joined}{of_type}
    ORDER BY {principal}, {permission_key} LIMIT 1) IS NOT NULL
"""
"""The permissions that the users' groups were granted on any object."""

GRANTED: Final = """
SELECT 'granted {number}', {no_user}, p.id, r.id, p.codename
FROM {groups} r CROSS JOIN {permissions} p
WHERE r.name {in_groups} AND p.content_type_id = {type} AND (
    SELECT {permission_key} FROM {grants} g WHERE {same_role}{of_type}
    ORDER BY {principal}, {permission_key} LIMIT 1) IS NOT NULL
"""
"""The permissions that the tenant's roles were granted on any object."""

OF_GRANTS: Final = """
SELECT * FROM (SELECT {ask} AS ask, {granted_object} AS pk
FROM {grants} g CROSS JOIN {objects} o
WHERE {same} AND o.{key} = {granted_object} AND {tenant_of} = {tenant}{conditions}
ORDER BY {principal} DESC, {permission_key} DESC, {granted_object}{bytes} DESC LIMIT {limit}) t
"""
"""The newest objects on which a principal was granted a permission."""

OF_GENERIC: Final = """
SELECT * FROM (SELECT {ask} AS ask, o.{key} AS pk
FROM {grants} g CROSS JOIN {objects} o
WHERE {same}{of_type} AND o.{key} = {granted_object} AND {tenant_of} = {tenant}{conditions}
ORDER BY o.{key}{bytes} DESC LIMIT {limit}) t
"""
"""The same of a generic table, whose rows are in no order of keys: all of the principal's are
read."""

OF_LINKS: Final = """
SELECT * FROM (SELECT {ask} AS ask, l.{object} AS pk
FROM {link} l CROSS JOIN {objects} o
WHERE l.{user} = {whose} AND o.{key} = l.{object} AND {tenant_of} = {tenant}{same}{conditions}
ORDER BY l.{object}{bytes} DESC LIMIT {limit}) t
"""
"""The newest objects whose field names a user."""

OF_OBJECTS: Final = """
SELECT * FROM (SELECT {ask} AS ask, o.{key} AS pk
FROM {objects} o WHERE {tenant_of} = {tenant}{same}{conditions}
ORDER BY o.{key}{bytes} DESC LIMIT {limit}) t
"""
"""The tenant's newest objects."""

UNLINKED: Final = """ AND NOT EXISTS (
    SELECT 1 FROM {link} b WHERE b.{user} = {whose} AND b.{object} = o.{key})"""
"""Only objects whose field does not name the user."""

UNGRANTED: Final = """ AND (
    SELECT {permission_key} FROM {grants} g WHERE {principal} IN ({whose})
        AND {permission_key} IN ({permissions}) AND {at_object} LIMIT 1) IS NULL"""
"""Only objects on which principals were granted none of these permissions."""


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
        kept[vendor] = "UNION ALL".join(_parts(resource, names, connection))
    groups = [group_name(tenant_id, role) for role in Role.values]
    several = {
        "tenants": parameters([tenant_id], vendor),
        "users": parameters(users, vendor),
        "groups": parameters(groups, vendor),
    }
    with connection.cursor() as cursor:
        cursor.execute(kept[vendor], {**several, **fixed})
        rows = with_keys(cursor.fetchall(), 1, converter(keys.users(), connection))
    return [Found(*row) for row in rows]


def _parts(resource: Resource, names: dict[str, str], connection: Any) -> Iterator[str]:
    yield from (part.format_map(names) for part in (MEMBERS, ROLES))
    same = SAME[connection.vendor].format
    user, group = f"u.{names['user_key']}, p.id", f"j.{names['joined_group']}, p.id"
    right = {"same_user": user, "same_joined": group, "same_role": "r.id, p.id"}
    for number, own in enumerate(of_tables(resource.grant_tables, names, connection)):
        left = f"{own['principal']}, {own['permission_key']}"
        own |= {what: same(left=left, right=text) for what, text in right.items()}
        is_users = resource.grant_tables[number].who == USER
        for part in (OWN,) if is_users else (JOINED, GRANTED):
            yield part.format_map(own | {"number": str(number)})


Names = dict[str, str]


def _kept(resource: Resource, connection: Any) -> tuple[Names, list[Names], dict[str, Names]]:
    """Return the names of everything, of tables of grants, and of links by their fields, cached on
    the resource: to make them takes as long as to read a list."""
    kept: dict[str, Any] = resource.__dict__.setdefault("_branches", {})
    vendor: str = connection.vendor
    if vendor not in kept:
        names = names_of(resource, connection)
        names["bytes"] = AS_BYTES[vendor, kind_of(resource.model) == TEXT]
        tables = of_tables(resource.grant_tables, names, connection)
        of_links = {link.field: link_names(link, connection) for link in links(resource)}
        kept[vendor] = names, tables, of_links
    found: tuple[Names, list[Names], dict[str, Names]] = kept[vendor]
    return found


class Branches:
    """The second statement under construction: a branch for each way of each ask."""

    def __init__(self, resource: Resource, connection: Any, tenant_id: int) -> None:
        concrete: Any = resource.model._meta.concrete_model
        self.parameters = Parameters(app=concrete._meta.app_label, model=concrete._meta.model_name)
        self._resource = resource
        self._connection = connection
        names, self._tables, self._links = _kept(resource, connection)
        self._names = dict(names)
        self._names["visible"] = visible_where(resource, connection, self.parameters)
        self._names["tenant"] = self.parameters.put(tenant_id)
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
            names |= {k: v for k, v in self._tables[way.table].items() if k not in names}
        elif way.column in self._links:
            names |= self._links[way.column] | {"whose": self._whose(way)}
            of = names["object"] + self._names["bytes"]
            same = f" AND l.{of} < {below}" if below else ""
        else:
            key = self._names["key"] + self._names["bytes"]
            same = f" AND o.{key} < {below}" if below else ""
            if way.rows is not None:
                same += f" AND {self._by_rows(way, held)}"
            elif way.column:
                same += f" AND {self._held(way)} = {self._whose(way)}"
        conditions = self._names["visible"] + conditions + self._unless(better)
        text = OF_LINKS if way.column in self._links else OF_OBJECTS
        if way.permission:
            text = OF_GENERIC if self._is_generic(way.table) else OF_GRANTS
        names |= {"same": same, "conditions": conditions}
        self._texts.append(text.format_map(self._names | names))

    def _same(self, way: Way, below: str | None) -> str:
        """Return the condition of a principal's grants of a permission, on keys below one."""
        put, vendor, table = self.parameters.put, self._connection.vendor, self._tables[way.table]
        left = f"{table['principal']}, {table['permission_key']}"
        right = f"{self._whose(way)}, {put(way.permission)}"
        if below is None or self._is_generic(way.table):
            key = f" AND o.{self._names['key']}{self._names['bytes']} < {below}" if below else ""
            return SAME[vendor].format(left=left, right=right) + key
        key = table["granted_object"] + self._names["bytes"]
        return BEFORE[vendor].format(left=left, right=right, key=key, after=below)

    def _is_generic(self, table: int) -> bool:
        return self._resource.grant_tables[table].is_generic

    def _by_rows(self, way: Way, how: Any) -> str:
        """Return the condition of what rows of the project's own give to the user, or not."""
        each = listed(self._resource)[way.rows or 0]
        audience, key = self._resource.audiences[way.rank], f"o.{self._names['key']}"
        text: str = how(each, audience, self._whose(way), key, self._connection.vendor)
        return text

    def _held(self, way: Way) -> str:
        return f"o.{column_of(self._resource, self._connection, way.column)}"

    def _unless(self, better: list[Way]) -> str:
        texts = []
        for way in better:
            if way.rows is not None:
                texts.append(f" AND {self._by_rows(way, not_held)}")
            elif way.column in self._links and not way.permission:
                names = self._links[way.column] | {"whose": self._whose(way)}
                texts.append(UNLINKED.format_map(self._names | names))
            elif not way.permission:
                held, whose = self._held(way), self._whose(way)
                texts.append(f" AND ({held} IS NULL OR {held} <> {whose})")
        for number, table in enumerate(self._tables):
            some = [way for way in better if way.permission and way.table == number]
            if some:
                names = {
                    "whose": self._listed({way.principal for way in some}),
                    "permissions": self._listed({way.permission for way in some}),
                    "at_object": self._resource.grant_tables[number].is_on(
                        "g", f"o.{self._names['key']}", self._connection.vendor
                    ),
                }
                texts.append(UNGRANTED.format_map(table | names))
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

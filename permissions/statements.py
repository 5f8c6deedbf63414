"""The decision's statement: its text for one resource and database, built once.

Its rows are (kind, user, object, group, name); each kind leaves unused columns empty. Members and
objects carry their tenant in the column of the group.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from permissions.audiences import Resource
from permissions.grant_tables import GrantTable
from permissions.links import Link, links
from permissions.row_statements import parts
from permissions.rows import listed
from tenants import keys
from tenants.keys import Key, converter, field_of, parameters
from tenants.models import Membership, Role, Tenant
from tenants.roles import group_name

MEMBERS: Final = """
SELECT 'member', m.user_id, {no_object}, m.tenant_id, m.role
FROM {memberships} m
JOIN {users} u ON u.{user_key} = m.user_id AND {user_active}
JOIN {tenants} t ON t.id = m.tenant_id AND t.is_active
WHERE m.tenant_id {in_tenants} AND m.user_id {in_users} AND m.is_active
"""
"""The active members of the active tenants, each with their role."""

OBJECTS: Final = """
SELECT 'object', {holder}, o.{key}, {tenant_of}, {permission}
FROM {objects} o WHERE {tenant_of} {in_tenants} AND o.{key} {in_objects}{visible}
"""
"""The tenants' visible objects, each with the users in its holders' columns and their permissions.
"""

OWN: Final = """
SELECT 'own', {principal}, {granted_object}, {no_group}, p.codename
FROM {grants} g JOIN {permissions} p ON p.id = {permission_key}
WHERE {principal} {in_users} AND {at_objects} AND p.content_type_id = {type}
"""
"""The users' own grants."""

GRANTED: Final = """
SELECT 'granted', {no_user}, {granted_object}, {principal}, p.codename
FROM {grants} g JOIN {permissions} p ON p.id = {permission_key}
WHERE {at_objects} AND p.content_type_id = {type}
"""
"""The groups' grants."""

LINKED: Final = """
SELECT 'own', l.{user}, l.{object}, {no_group}, {permission}
FROM {link} l WHERE l.{object} {in_objects} AND l.{user} {in_users}
"""
"""The users whom a many-to-many holders' field of the objects names."""

JOINED: Final = """
SELECT 'joined', j.{joined_user}, {no_object}, j.{joined_group}, ''
FROM {joined} j WHERE j.{joined_user} {in_users} AND ({to_group})
"""
"""The users' groups, among those with grants. Not joined with the grants, since that would return
users times objects."""

TO_GROUP: Final = """EXISTS (
    SELECT 1 FROM {grants} g WHERE {principal} = j.{joined_group} AND {at_objects})"""

ROLES: Final = """
SELECT 'role', {no_user}, {no_object}, g.id, g.name FROM {groups} g WHERE g.name {in_groups}
"""
"""The groups whose names stand for the tenant's roles in stored grants; they need no members."""

TYPE: Final = "(SELECT c.id FROM {types} c WHERE c.app_label = %(app)s AND c.model = %(model)s)"

SEVERAL: Final = ("tenants", "users", "objects", "groups", "spelled")
AMONG: Final = {
    "postgresql": "= ANY(%({name})s)",
    "sqlite": "IN (SELECT value FROM json_each(%({name})s))",
}
"""One parameter for any number of keys, since SQLite allows few variables."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A text with named parameters, some of them constant."""

    text: str
    fixed: dict[str, Any]
    read: Callable[[Any], Key] | None = None
    """What makes keys of objects of what the database returns; None if it returns keys."""
    read_user: Callable[[Any], Key] | None = None
    """The same for users' keys."""

    by_text: bool = False
    """Whether a table names objects by the text of their keys."""

    def run(
        self,
        connection: Any,
        tenants: Collection[int],
        users: Collection[Key],
        objects: Collection[Key],
    ) -> list[tuple[Any, ...]]:
        """Return the rows for these users and objects in these tenants."""
        texts = [str(pk) for pk in objects] if self.by_text else []
        groups = [group_name(tenant_id, role) for tenant_id in tenants for role in Role.values]
        several: Any = zip(SEVERAL, (tenants, users, objects, groups, texts), strict=True)
        vendor = connection.vendor
        packed = {name: parameters(some, vendor) for name, some in several}
        with connection.cursor() as cursor:
            cursor.execute(self.text, {**packed, **self.fixed})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return with_keys(with_keys(rows, 1, self.read_user), 2, self.read)


def with_keys(
    rows: list[tuple[Any, ...]], place: int, read: Callable[[Any], Key] | None
) -> list[tuple[Any, ...]]:
    """Return the rows with a key at this place, where there is one; `read` makes them keys."""
    if read is None:
        return rows
    return [
        row if row[place] is None else (*row[:place], read(row[place]), *row[place + 1 :])
        for row in rows
    ]


def statement(resource: Resource, connection: Any) -> Statement:
    """Return the resource's statement for this connection's database, cached on the resource."""
    kept: dict[str, Statement] = resource.__dict__.setdefault("_statements", {})
    vendor: str = connection.vendor
    if vendor not in kept:
        kept[vendor] = _write(resource, connection)
    return kept[vendor]


def _write(resource: Resource, connection: Any) -> Statement:
    names = names_of(resource, connection)
    concrete: Any = resource.model._meta.concrete_model
    fixed = {"app": concrete._meta.app_label, "model": concrete._meta.model_name}
    visible = visible_where(resource, connection, fixed)
    texts = [part.format_map(names) for part in (MEMBERS, ROLES)]
    texts += [OWN.format_map(each) for each in of_tables(resource.user_tables, names, connection)]
    groups = of_tables(resource.group_tables, names, connection)
    to_group = " OR ".join(TO_GROUP.format_map(each) for each in groups)
    texts += [GRANTED.format_map(each) for each in groups]
    texts.append(JOINED.format_map(names | {"to_group": to_group}))
    for holder, permission in _holders(resource, connection, fixed, names["no_user"]):
        more = {"holder": holder, "permission": permission, "visible": visible}
        texts.append(OBJECTS.format_map(names | more))
    for number, link in enumerate(links(resource)):
        fixed[f"linked{number}"] = resource.declared(link.audience).permission
        more = {**link_names(link, connection), "permission": f"%(linked{number})s"}
        texts.append(LINKED.format_map(names | more))
    texts += parts(resource, names, connection.vendor)
    by_text = any(table.is_generic for table in resource.grant_tables)
    by_text = by_text or any(each.by_text for each in listed(resource))
    return Statement(
        "UNION ALL".join(texts),
        fixed,
        converter(resource.model, connection),
        converter(keys.users(), connection),
        by_text,
    )


def of_tables(
    tables: Iterable[GrantTable], names: dict[str, str], connection: Any
) -> list[dict[str, str]]:
    """Return, for each table of grants, the names with its own."""
    found = [table.names(connection) for table in tables]
    return [names | {what: text.format_map(names) for what, text in own.items()} for own in found]


def names_of(resource: Resource, connection: Any) -> dict[str, str]:
    """Return the names of tables and columns, and other differences between databases."""
    tables: dict[str, Any] = {
        "memberships": Membership, "tenants": Tenant, "objects": resource.model,
        "permissions": Permission, "groups": Group, "types": ContentType,
    }  # fmt: skip
    names = {name: model._meta.db_table for name, model in tables.items()}
    names["key"] = resource.model._meta.pk.column
    in_tenant = resource.tenancy.sql("o")
    quoted = {name: connection.ops.quote_name(column) for name, column in names.items()}
    among = AMONG[connection.vendor]
    return quoted | {
        **_of_users(connection),
        "type": TYPE.format_map(quoted),
        "tenant_of": in_tenant,
        **{f"in_{name}": among.format(name=name) for name in SEVERAL},
        "no_object": nothing(resource.model, connection),
        "no_group": nothing(Group, connection),
    }


def _of_users(connection: Any) -> dict[str, str]:
    """Return the names of the project's users, who may lack groups and a column `is_active`."""
    from tenants import users  # their model may be loaded after this module

    quote = connection.ops.quote_name
    user: Any = users.User
    nobody, no_group = nothing(user, connection), nothing(Group, connection)
    names = {
        "users": quote(user._meta.db_table),
        "user_key": quote(user._meta.pk.column),
        "user_active": "1 = 1",
        "no_user": nobody,
        "joined": f"(SELECT {nobody} AS user_id, {no_group} AS group_id WHERE 1 = 0)",
        "joined_user": "user_id",
        "joined_group": "group_id",
    }
    if active := users.column("is_active"):
        names["user_active"] = f"u.{quote(active.column)}"
    if groups := users.groups():
        names["joined"] = quote(groups.m2m_db_table())
        names["joined_user"] = quote(groups.m2m_column_name())
        names["joined_group"] = quote(groups.m2m_reverse_name())
    return names


def nothing(model: Any, connection: Any) -> str:
    """Return a typed NULL for a key of this model, as each column of a union needs one."""
    return f"CAST(NULL AS {field_of(model).rel_db_type(connection)})"


def link_names(link: Link, connection: Any) -> dict[str, str]:
    """Return the names of a link's table and columns."""
    names = {"link": link.table, "object": link.object, "user": link.user}
    return {what: connection.ops.quote_name(name) for what, name in names.items()}


def _holders(
    resource: Resource, connection: Any, fixed: dict[str, Any], no_user: str
) -> Iterator[tuple[str, str]]:
    """Return each holder's column with its permission, or an empty one if there is none."""
    for number, (field, name) in enumerate(resource.named.items()):
        fixed[f"held{number}"] = resource.declared(name).permission
        yield f"o.{column_of(resource, connection, field)}", f"%(held{number})s"
    if not resource.named:
        yield no_user, "''"


def visible_where(resource: Resource, connection: Any, fixed: dict[str, Any]) -> str:
    """Return the conditions under which an object is visible to anybody."""
    conditions = []
    for number, (field, value) in enumerate(resource.visible_by.items()):
        column: Any = resource.model._meta.get_field(field)
        prepared = column.get_db_prep_value(value, connection)
        name = f"o.{column_of(resource, connection, field)}"
        if prepared is None:
            conditions.append(f" AND {name} IS NULL")
        else:
            fixed[f"visible{number}"] = prepared
            conditions.append(f" AND {name} = %(visible{number})s")
    return "".join(conditions)


def column_of(resource: Resource, connection: Any, field: str) -> str:
    column: Any = resource.model._meta.get_field(field)
    name: str = connection.ops.quote_name(column.column)
    return name

"""The facts on which the decision rests, as SQL relations: as they are stored, or supposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from permissions import row_statements
from permissions.audiences import Resource
from permissions.review.hypotheses import (
    Granting,
    Grouping,
    Hypothesis,
    Joining,
    Listing,
    Writing,
)
from permissions.rows import listed
from permissions.statements import column_of, of_tables
from tenants.keys import parameter
from tenants.models import Membership
from tenants.roles import group_name

MEMBERS: Final = """
SELECT m.user_id AS user_id, m.role AS role FROM {memberships} m
JOIN {users} u ON u.{user_key} = m.user_id AND {user_active}
JOIN {tenants} t ON t.id = m.tenant_id AND t.is_active
WHERE m.tenant_id = %(tenant)s AND m.is_active"""
OBJECTS: Final = """
SELECT o.{key} AS pk{columns} FROM {objects} o WHERE {tenant_of} = %(tenant)s{visible}"""
OWN: Final = """
SELECT g.principal AS user_id, g.pk, g.codename FROM ({own}) g WHERE 1 = 1"""
GRANTED: Final = """
SELECT g.pk, n.name AS name, g.codename
FROM ({granted}) g JOIN {groups} n ON n.id = g.principal WHERE 1 = 1"""
IN_TABLE: Final = """
SELECT {principal} AS principal, {granted_object} AS pk, p.codename AS codename
FROM {grants} g JOIN {permissions} p ON p.id = {permission_key}
WHERE p.content_type_id = {type}{of_type}"""
NOWHERE: Final = """
SELECT {no_user} AS principal, {no_object} AS pk, CAST('' AS VARCHAR(100)) AS codename
WHERE 1 = 0"""
JOINED: Final = """
SELECT j.{joined_user} AS user_id, n.name AS name
FROM {joined} j JOIN {groups} n ON n.id = j.{joined_group} WHERE 1 = 1"""
"""The facts as they are stored; conditions may follow."""

MEMBER: Final = """
SELECT u.{user_key} AS user_id, CAST(%(role)s AS VARCHAR(16)) AS role
FROM {users} u JOIN {tenants} t ON t.id = %(tenant)s AND t.is_active
WHERE u.{user_key} = %(user)s AND {user_active}"""
GIVEN: Final = """
SELECT u.{user_key} AS user_id, o.{key} AS pk, CAST(%(codename)s AS VARCHAR(100)) AS codename
FROM {users} u CROSS JOIN {objects} o WHERE u.{user_key} = %(user)s AND o.{key} = %(object)s"""
GIVEN_TO_ROLE: Final = """
UNION ALL SELECT o.{key}, CAST(%(group)s AS VARCHAR(150)), CAST(%(codename)s AS VARCHAR(100))
FROM {objects} o WHERE o.{key} = %(object)s"""
ENTERED: Final = """
UNION ALL SELECT u.{user_key}, CAST(%(group)s AS VARCHAR(150))
FROM {users} u WHERE u.{user_key} = %(user)s"""
WRITTEN: Final = "(SELECT {kept} FROM {objects} o WHERE o.{key} = %(object)s)"
"""The facts as they would be."""

VALUE: Final = {"postgresql": "CAST(%(value)s AS {type})", "sqlite": "%(value)s"}
"""PostgreSQL must know the type; SQLite would convert the value."""

OTHERS: Final = " AND n.name <> %(group)s"
NONE: Final = " AND 1 = 0"


@dataclass(frozen=True)
class Facts:
    """The relations as templates, to be formatted with the names of tables, and the declaration.

    `source` is read instead of the objects' table, and `rows` instead of those of the project's
    own, by the number of their source.
    """

    resource: Resource
    members: str = MEMBERS
    objects: str = OBJECTS
    own: str = OWN
    granted: str = GRANTED
    joined: str = JOINED
    source: str = "{objects}"
    rows: Mapping[int, str] = field(default_factory=dict)

    def of_user(self) -> Facts:
        """Return the same facts, restricted to one user."""
        return replace(
            self,
            members=f"{self.members} AND m.user_id = %(user)s",
            own=f"{self.own} AND g.principal = %(user)s",
            joined=f"{self.joined} AND j.{{joined_user}} = %(user)s",
        )

    def of_object(self) -> Facts:
        """Return the same facts, restricted to one object."""
        here = " AND g.pk = %(object)s"
        return replace(
            self,
            objects=f"{self.objects} AND o.{{key}} = %(object)s",
            own=self.own + here,
            granted=self.granted + here,
        )


@dataclass(frozen=True)
class Compared:
    """The facts as they are, and as they would be."""

    before: Facts
    later: Facts


@dataclass(frozen=True)
class Question:
    """What to compare for one resource, and the parameters that the templates name.

    No pair of a user and an object is in two of the comparisons.
    """

    compared: tuple[Compared, ...]
    parameters: dict[str, Any]


def question(
    resource: Resource, tenant_id: int, what: Hypothesis, connection: Any
) -> Question | None:
    """Return what to ask about this resource; None if the change does not concern it."""
    match what:
        case Joining():
            return _joining(resource, what, connection)
        case Grouping():
            return _grouping(Facts(resource).of_user(), what, connection)
        case _ if what.resource.label != resource.label:
            return None
        case Granting():
            return _granting(Facts(resource).of_object(), tenant_id, what, connection)
        case Writing():
            return _writing(Facts(resource).of_object(), what, connection)
        case Listing():
            return _listing(Facts(resource), what, connection)
    return Question((Compared(Facts(resource), Facts(what.declared)),), {})


def _joining(resource: Resource, what: Joining, connection: Any) -> Question:
    before = Facts(resource).of_user()
    members = MEMBER if what.role else before.members + NONE
    compared = [Compared(before, replace(before, members=members))]
    parameters: dict[str, Any] = {"user": parameter(what.user_id, connection), "role": what.role}
    if what.leaving and (name := tie(resource)):
        column = column_of(resource, connection, name)
        tied = replace(
            Facts(resource),
            members=f"{MEMBERS} AND m.user_id <> %(user)s",
            objects=f"{OBJECTS} AND o.{column} = %(leaving)s",
        )
        compared.append(Compared(tied, replace(tied, objects=tied.objects + NONE)))
        parameters["leaving"] = what.leaving
    return Question(tuple(compared), parameters)


def _grouping(before: Facts, what: Grouping, connection: Any) -> Question:
    joined = before.joined + OTHERS + (ENTERED if what.is_in else "")
    later = replace(before, joined=joined)
    parameters = {"user": parameter(what.user_id, connection), "group": what.group}
    return Question((Compared(before, later),), parameters)


def _granting(before: Facts, tenant_id: int, what: Granting, connection: Any) -> Question:
    parameters: dict[str, Any] = {"object": parameter(what.pk, connection)}
    if what.audience is not None:
        parameters["codename"] = what.audience.permission
    if what.subject.role is None:
        before = before.of_user()
        parameters["user"] = parameter(what.subject.user_id, connection)
        later = replace(before, own=GIVEN if what.audience else before.own + NONE)
    else:
        parameters["group"] = group_name(tenant_id, what.subject.role)
        given = GIVEN_TO_ROLE if what.audience else ""
        later = replace(before, granted=before.granted + OTHERS + given)
    return Question((Compared(before, later),), parameters)


def _writing(before: Facts, what: Writing, connection: Any) -> Question:
    column: Any = what.resource.model._meta.get_field(what.column)
    value = VALUE[connection.vendor].format(type=column.cast_db_type(connection))
    of_tenant = map(connection.ops.quote_name, what.resource.tenancy.columns)
    kept = {*what.resource.named, *what.resource.visible_by} - {what.column}
    names = sorted(column_of(what.resource, connection, name) for name in kept)
    columns = ["o.{key}", *(f"o.{name}" for name in dict.fromkeys((*of_tenant, *names)))]
    columns.append(f"{value} AS {column_of(what.resource, connection, what.column)}")
    later = replace(before, source=WRITTEN.replace("{kept}", ", ".join(columns)))
    parameters = {
        "object": parameter(what.pk, connection),
        "value": column.get_db_prep_value(what.value, connection),
    }
    return Question((Compared(before, later),), parameters)


def _listing(before: Facts, what: Listing, connection: Any) -> Question:
    each = listed(what.resource)[what.number]
    if not each.rows.of:
        before = before.of_object()
    if not each.rows.members:
        before = before.of_user()
    rows = row_statements.supposed(each, what.audience, connection.vendor)
    parameters = {
        "object": parameter(what.pk, connection),
        "user": parameter(what.who, connection),
    }
    later = replace(before, rows={what.number: rows})
    return Question((Compared(before, later),), parameters)


def stored(resource: Resource, names: dict[str, str], connection: Any) -> dict[str, str]:
    """Return the names with the relations of what users (`own`) and groups (`granted`) were
    granted."""
    names = names | {"type": "%(type)s"}
    both = {"own": resource.user_tables, "granted": resource.group_tables}
    texts = {
        what: " UNION ALL ".join(
            IN_TABLE.format_map(each) for each in of_tables(tables, names, connection)
        )
        for what, tables in both.items()
    }
    return names | {what: text or NOWHERE.format_map(names) for what, text in texts.items()}


def tie(resource: Resource) -> str | None:
    """Return the column that ties an object to a membership, with which it is deleted."""
    for column in resource.model._meta.concrete_fields:
        remote: Any = column.remote_field
        if remote and remote.model is Membership and remote.on_delete.__name__ == "CASCADE":
            return str(column.name)
    return None

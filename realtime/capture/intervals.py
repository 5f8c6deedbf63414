"""Who could see what, from when until when: intervals that the triggers write beside the logs.

A row of Held says that a principal has a permission on an object; one of Belongs, that a user
belongs to a principal: `user:1`, `group:1`, `role:member`, or one that denies access, `deactivated`
or `suspended`. An interval lasts as long as the row or column that it comes from, and is found by
the name of that (`source`) and the row's key. Plain data and SQL for both databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from permissions.audiences import registry
from permissions.grant_tables import GROUP, GrantTable
from permissions.links import Link
from realtime.capture.interval_models import Belongs, Held, Replaced
from realtime.capture.triggers import REVISIONS, literal, looked_up, quoted, stays
from tenants.keys import INTEGER, as_logged, kind_of, logged, named, user_type
from tenants.placed import tenancy_of
from tenants.tenancy import Tenancy

HELD: Final[str] = Held._meta.db_table
BELONGS: Final[str] = Belongs._meta.db_table
REPLACED: Final[str] = Replaced._meta.db_table
OF_HELD: Final = (
    "source_id", "tenant_id", "model", "object_id", "permission", "principal", "given_by",
    "purpose",
)  # fmt: skip
OF_BELONGS: Final = ("source_id", "tenant_id", "user_id", "principal")
COLUMNS: Final = {HELD: OF_HELD, BELONGS: OF_BELONGS}

CREATED: Final = "created"
UNSEEN: Final = "unseen"
"""The cause of an end that happened while there were no triggers."""
BEFORE: Final = "before the record"
"""The cause of a beginning that nobody recorded."""
DECLARED: Final = "declared"
ROLE: Final = "role"
"""The source of the permissions that the declarations give to roles."""
ALWAYS: Final = "true"
NO_TENANT: Final = "CAST(NULL AS bigint)"
NOTHING: Final = "CAST(NULL AS varchar)"


@dataclass(frozen=True, slots=True)
class Kept:
    """The intervals that the rows of a table stand for.

    `begins` selects the columns of `into` for the rows of `{row}` (alias r), of which it reads
    `columns`; the first is the key, of this `kind`. `named_by`, a (table, condition), is set where
    these rows are not the written ones: then they are those of its table that name those. `tenant`
    is set where it reads nothing but the row: SQL for what it gives as the tenant.
    """

    into: str
    source: str
    begins: str
    columns: tuple[str, ...]
    joins: tuple[str, ...] = ()
    named_by: tuple[str, str] | None = None
    kind: str = INTEGER
    tenant: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the tables that its statements name."""
        return (self.into, *self.joins)


def holder(
    table: str, key: str, kind: str, tenancy: Tenancy, label: str, column: str, permission: str
) -> Kept:
    """Return the intervals during which a holder's column names somebody."""
    spelled = logged(kind, f"r.{quoted(key)}")
    begins = (
        f"SELECT {spelled} AS source_id, {tenancy.sql('r')} AS tenant_id,"
        f" {literal(label)} AS model, {spelled} AS object_id,"
        f" {literal(permission)} AS permission, {_user(column)} AS principal,"
        f" {nobody()} AS given_by, {NOTHING} AS purpose FROM {{row}} r"
        f" WHERE r.{quoted(column)} IS NOT NULL"
    )
    return Kept(
        HELD,
        source_of(table, column),
        begins,
        (key, *tenancy.columns, column),
        tenancy.tables if tenancy.nullable else (),
        kind=kind,
        tenant=tenancy.sql("r"),
    )


def nobody() -> str:
    """Return SQL for no user."""
    return f"CAST(NULL AS {user_type()})"


def _user(column: str) -> str:
    """Return SQL for the principal that the user in this column is."""
    return f"'user:' || {named(f'r.{quoted(column)}')}"


def source_of(table: str, column: str) -> str:
    """Return the source of what a column of a table gives."""
    return f"{table}.{column}"


def grants(granted: GrantTable, vendor: str) -> Kept:
    """Return the intervals of grants; one to the group named after a role is the role's."""
    permission, group = Permission._meta.db_table, Group._meta.db_table
    own = {name: f"r.{quoted(column)}" for name, column in granted.columns.items()}
    target, of = granted.target, tenancy_of(granted.target)
    table, key = target._meta.db_table, f"o.{quoted(target._meta.pk.column)}"
    tenant, principal = of.sql("o"), _user(granted.columns["principal"])
    joined = [looked_up(table, "o", f"{key} = {granted.key('r', vendor)}")]
    joined += [looked_up(permission, "p", f"p.id = {own['permission']}")]
    joins = [table, permission, *of.tables]
    if granted.who == GROUP:
        role = f"'tenant:' || {tenant} || ':'"
        principal = (
            f"CASE WHEN substr(g.name, 1, length({role})) = {role}"
            f" THEN 'role:' || substr(g.name, length({role}) + 1) ELSE 'group:' || g.id END"
        )
        joined += [looked_up(group, "g", f"g.id = {own['principal']}")]
        joins.append(group)
    given, columns = f"{nobody()} AS given_by, {NOTHING} AS purpose", [*granted.columns.values()]
    if granted.is_attributed:
        given = "r.granted_by_id AS given_by, nullif(r.purpose, '') AS purpose"
        columns += ["granted_by_id", "purpose"]
    begins = (
        f"SELECT {logged(INTEGER, own['id'])} AS source_id, {tenant} AS tenant_id,"
        f" '{target._meta.label_lower}' AS model,"
        f" {logged(kind_of(target), key)} AS object_id, p.codename AS permission,"
        f" {principal} AS principal, {given} FROM {{row}} r "
    ) + " ".join(joined)
    if granted.is_generic:
        begins += f" WHERE {granted.is_of_type('r')} AND p.content_type_id = {own['type']}"
        joins.append(ContentType._meta.db_table)
    return Kept(HELD, granted.source, begins, tuple(columns), tuple(joins))


def linked(link: Link, target: Any, permission: str) -> Kept:
    """Return the intervals during which a row of a many-to-many field names somebody."""
    key, table = quoted(link.through._meta.pk.column), target._meta.db_table
    kind, of = kind_of(link.through), tenancy_of(target)
    object_ = f"o.{quoted(target._meta.pk.column)}"
    begins = (
        f"SELECT {logged(kind, f'r.{key}')} AS source_id, {of.sql('o')} AS tenant_id,"
        f" {literal(target._meta.label_lower)} AS model,"
        f" {logged(kind_of(target), object_)} AS object_id,"
        f" {literal(permission)} AS permission, {_user(link.user)} AS principal,"
        f" {nobody()} AS given_by, {NOTHING} AS purpose FROM {{row}} r"
        f" {looked_up(table, 'o', f'{object_} = r.{quoted(link.object)}')}"
    )
    columns = (link.through._meta.pk.column, link.object, link.user)
    source, joins = source_of(link.table, link.field), (table, *of.tables)
    return Kept(HELD, source, begins, columns, joins, kind=kind)


def named_by(kept: Kept, table: str, condition: str) -> Kept:
    """Return the intervals of the rows (w) of a table that name the written one, for which
    `{side}` stands."""
    return replace(kept, named_by=(table, condition), joins=(table, *kept.joins))


def belongs(
    model: Any, what: str, where: str, columns: tuple[str, ...], tenant: str = NO_TENANT
) -> Kept:
    """Return the intervals during which users belong to principals."""
    kind, key = kind_of(model), model._meta.pk.column
    begins = (
        f"SELECT {logged(kind, f'r.{key}')} AS source_id, {tenant} AS tenant_id, {what}"
        f" FROM {{row}} r WHERE {where}"
    )
    return Kept(BELONGS, model._meta.db_table, begins, (key, *columns), kind=kind, tenant=tenant)


def revision(tenant: str) -> str:
    """Return SQL for the tenant's access revision at the time of the statement."""
    return f"(SELECT revision FROM {REVISIONS} now WHERE now.tenant_id = {tenant})"


def begin(kept: Kept, row: str, cause: str, now: str, since: str) -> str:
    """Return the statement that begins the intervals of these rows."""
    return (
        f"INSERT INTO {kept.into} (source, {', '.join(COLUMNS[kept.into])},"
        f" since, began_at, began, ended)\nSELECT {literal(kept.source)}, b.*, {since}, {now},"
        f" {literal(cause)}, '' FROM ({kept.begins.format(row=row)}) b\n"
        f"WHERE {stays('b.tenant_id')};"
    )


def end(kept: Kept, those: str, cause: str, now: str, numbered: str) -> str:
    """Return the statement that ends the intervals of rows by their keys: `= 1`, or `IN (...)`.

    `numbered` are the assignments that say with which revision they end.
    """
    return f"{ended(kept, cause, now, numbered)}\nWHERE {is_open(kept, those, kept.into)};"


def ended(kept: Kept, cause: str, now: str, numbered: str) -> str:
    """Return the beginning of the statement that ends intervals."""
    return f"UPDATE {kept.into} SET ended_at = {now}, ended = {literal(cause)}, {numbered}"


def is_open(kept: Kept, those: str, interval: str) -> str:
    """Return the condition that an interval is one of these rows' by their keys, and goes on."""
    return (
        f"source = {literal(kept.source)} AND source_id {those} AND ended_at IS NULL"
        f" AND {stays(f'{interval}.tenant_id')}"
    )


def fill(kept: Kept, table: str, now: str) -> Iterator[str]:
    """Yield the statements that give each row one open interval, and end all other open ones.

    For what was written while there were no triggers; they work on all rows at once.
    """
    same = [name for name in COLUMNS[kept.into] if name not in ("tenant_id", "given_by", "purpose")]
    rows = kept.begins.format(row=quoted(table))
    matches = " AND ".join(f"b.{name} = {kept.into}.{name}" for name in same)
    tenant = f"coalesce(b.tenant_id, 0) = coalesce({kept.into}.tenant_id, 0)"
    until = revision(f"{kept.into}.tenant_id")
    yield (
        f"UPDATE {kept.into} SET ended_at = {now}, ended = {literal(UNSEEN)}, until = {until}"
        f" WHERE source = {literal(kept.source)} AND ended_at IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM ({rows}) b WHERE {matches} AND {tenant})"
    )
    since = (
        f"CASE WHEN b.tenant_id IS NULL THEN NULL ELSE coalesce({revision('b.tenant_id')}, 0) END"
    )
    yield begin(kept, quoted(table), BEFORE, now, since).removesuffix(";") + (
        f" AND NOT EXISTS (SELECT 1 FROM {kept.into} k WHERE k.source = {literal(kept.source)}"
        " AND k.source_id = b.source_id AND k.ended_at IS NULL)"
    )


def declare_roles(cursor: Any, now: str) -> None:
    """Begin the intervals of what the declarations give to roles, and end all others of roles.

    When those began that are found the first time, nobody saw.
    """
    now = now.replace("%", "%%")  # stands beside parameters, as Django's debug cursor formats
    wanted = {
        (resource.label, resource.declared(name).permission, f"role:{role}")
        for resource in registry
        for role, name in resource.roles.items()
    }
    cursor.execute(
        f"SELECT model, permission, principal, id, ended_at FROM {HELD}"
        f" WHERE source = {literal(ROLE)}"
    )
    rows = cursor.fetchall()
    began = DECLARED if rows else BEFORE
    found = {tuple(row[:3]): row[3] for row in rows if row[4] is None}
    for gone in found.keys() - wanted:
        cursor.execute(
            f"UPDATE {HELD} SET ended_at = {now}, ended = {literal(DECLARED)} WHERE id = %s",
            [found[gone]],
        )
    for model, permission, principal in sorted(wanted - found.keys()):
        cursor.execute(
            f"INSERT INTO {HELD} (source, source_id, model, permission, principal, began_at, began,"
            f" ended) VALUES ({literal(ROLE)}, {literal(as_logged(0))}, %s, %s, %s, {now},"
            f" {literal(began)}, '')",
            [model, permission, principal],
        )


def begins(kept: Kept, side: str, cause: str, now: str, since: str) -> str:
    """Return the statement that begins the intervals of NEW, or of the rows that name it."""
    return begin(kept, _row(kept, side), cause, now, since)


def ends(kept: Kept, side: str, cause: str, now: str, numbered: str) -> str:
    """Return the statement that ends the intervals of OLD, or of the rows that name it."""
    if kept.named_by is None:
        return end(kept, f"= {key_of(kept, side)}", cause, now, numbered)
    table, condition = kept.named_by
    those = f"SELECT {key_of(kept, 'w')} FROM {quoted(table)} w"
    return end(kept, f"IN ({those} WHERE {condition.format(side=side)})", cause, now, numbered)


def key_of(kept: Kept, side: str) -> str:
    """Return SQL for the row's key, as the logs hold it."""
    return logged(kept.kind, f"{side}.{quoted(kept.columns[0])}")


def _row(kept: Kept, side: str) -> str:
    if kept.named_by is not None:
        table, condition = kept.named_by
        return f"(SELECT w.* FROM {quoted(table)} w WHERE {condition.format(side=side)})"
    names = map(quoted, dict.fromkeys(kept.columns))  # the key may be the holder, too
    return f"(SELECT {', '.join(f'{side}.{name} AS {name}' for name in names)})"

"""The tables of grants, of whatever source: which of their rows touch whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from permissions.audiences import registry
from permissions.grant_tables import GROUP, USER, GrantTable
from permissions.models import GroupGrant, UserGrant
from realtime.capture import intervals, locks
from realtime.capture.intervals import Kept
from realtime.capture.tables import Access, of_table
from realtime.capture.triggers import literal, looked_up, quoted
from tenants.keys import kind_of, logged
from tenants.placed import tenancy_of

OBJECT: Final = "object written"
"""The cause by which intervals move with the object that their rows name."""

ALL_OF_TENANTS: Final = "SELECT DISTINCT {tenant} AS tenant, NULL, NULL, NULL FROM {{row}} r"


def accesses() -> Iterator[Access]:
    """Yield, for each table, its own rows and those of others that say what they give."""
    for table in tables():
        yield from Grants(table).accesses()


def tables() -> list[GrantTable]:
    """Return the tables of all declared sources, and those that only wait for a declaration."""
    found = [table for resource in registry for table in resource.grant_tables]
    models: Any = apps.get_models()
    for model in models:
        if issubclass(model, UserGrant | GroupGrant) and not model._meta.proxy:
            target = model._meta.get_field("content_object").related_model._meta.concrete_model
            who = USER if issubclass(model, UserGrant) else GROUP
            found.append(GrantTable(model, target, who))
    return list(dict.fromkeys(found))


class Grants:
    """A table of grants, and what must be watched for it."""

    def __init__(self, granted: GrantTable) -> None:
        self.granted = granted
        self.target = granted.target
        self.kept = intervals.grants(granted, connection.vendor)
        self.label = granted.target._meta.label_lower
        place = tenancy_of(granted.target)
        self._tenant, self._places = place.sql("o"), place.tables
        self._tenants = ALL_OF_TENANTS.format(tenant=self._tenant)
        self.key = quoted(granted.target._meta.pk.column)
        # Several models' rows stand in one generic table.
        self.name = self.label.replace(".", "_") if granted.is_generic else ""
        self.others = "_".join(filter(None, [granted.table, self.name]))

    def accesses(self) -> Iterator[Access]:
        """Yield what decides of the table's grants."""
        yield self._rows()
        yield self._permissions()
        yield self._content_types()
        if self.granted.who == GROUP:
            yield self._groups()
        created = ("INSERT", "DELETE") if self.granted.is_generic else ()
        if moves := (*created, *(("UPDATE",) if locks.can_move(self.target) else ())):
            side = self.granted.is_on("w", f"{{side}}.{self.key}", connection.vendor)
            kept = intervals.named_by(self.kept, self.granted.table, side)
            yield moved(self.target, self.others, kept, moves)

    def _rows(self) -> Access:
        columns = self.granted.columns
        user = f"r.{quoted(columns['principal'])}" if self.granted.who == USER else "NULL"
        of_type = f" WHERE {self.granted.is_of_type('r')}" if self.name else ""
        return Access(
            **of_table(self.granted.model),
            cause="granted",
            name=self.name,
            touch=f"SELECT {self._tenant} AS tenant, {user}, {literal(self.label)},"
            f" {logged(kind_of(self.target), f'o.{self.key}')}"
            f" FROM {{row}} r {self._objects('r')}{of_type}",
            watch=tuple(column for what, column in columns.items() if what != "id"),
            joins=(
                self._table,
                *self._places,
                *([ContentType._meta.db_table] if self.name else []),
            ),
            kept=self.kept,
            locks=locks.named(self.target, self._is_named(locks.SIDE)),
            many=True,
        )

    def _permissions(self) -> Access:
        return Access(
            **of_table(Permission),
            cause="permission",
            name=self.others,
            touch=f"{self._tenants} {self._naming('permission', 'r.id')}",
            watch=("id", "codename", "content_type_id"),
            joins=(self.granted.table, self._table, *self._places),
            kept=self._named_by("permission"),
        )

    def _content_types(self) -> Access:
        permission = Permission._meta.db_table
        return Access(
            **of_table(ContentType),
            cause="content type",
            name=self.others,
            touch=f"{self._tenants} JOIN {permission} p ON p.content_type_id = r.id"
            f" {self._naming('permission', 'p.id')}",
            watch=("id", "app_label", "model"),
            joins=(self.granted.table, self._table, *self._places, permission),
        )

    def _groups(self) -> Access:
        """Return the groups: a role's is found by its name."""
        return Access(
            **of_table(Group),
            cause="group",
            name=self.others,
            touch=f"{self._tenants} {self._naming('principal', 'r.id')}",
            watch=("id", "name"),
            joins=(self.granted.table, self._table, *self._places),
            kept=self._named_by("principal"),
        )

    @property
    def _table(self) -> str:
        name: str = self.target._meta.db_table
        return name

    def _objects(self, alias: str) -> str:
        return looked_up(self._table, "o", self._is_named(alias))

    def _is_named(self, alias: str) -> str:
        """Return the condition that a row of the table names the object (o)."""
        return f"o.{self.key} = {self.granted.key(alias, connection.vendor)}"

    def _naming(self, column: str, key: str) -> str:
        """Return the join of the rows that name this key in a column, and of their objects."""
        names = f"g.{quoted(self.granted.columns[column])} = {key}"
        return f"JOIN {quoted(self.granted.table)} g ON {names} {self._objects('g')}"

    def _named_by(self, column: str) -> Kept:
        condition = f'w.{quoted(self.granted.columns[column])} = {{side}}."id"'
        return intervals.named_by(self.kept, self.granted.table, condition)


def moved(target: Any, name: str, kept: Kept, moves: tuple[str, ...]) -> Access:
    """Return what moves the intervals of rows that name an object when the object is written: into
    another tenant, or, if no cascade takes the rows, into being and out of it."""
    place, pk = tenancy_of(target), target._meta.pk.column
    key = logged(kind_of(target), f"r.{quoted(pk)}")
    return Access(
        **of_table(target),
        cause=OBJECT,
        name=name,
        touch=f"SELECT {place.sql('r')} AS tenant, NULL, {literal(target._meta.label_lower)},"
        f" {key} FROM {{row}} r",
        events=(),
        watch=place.columns,
        joins=place.tables,
        kept=kept,
        moves=moves,
        locks=locks.moving(target._meta.db_table, pk, place) if "UPDATE" in moves else "",
    )

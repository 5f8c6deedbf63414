"""Rows of the project's own tables that give audiences: lists of who may do what, and of members.

They are read where they stand, whoever writes them, and never written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps

from permissions.grant_tables import GrantTable, of_type, parsed, quoted, spelled, type_of
from tenants import users
from tenants.keys import kind_of, kind_of_field, logged, target_of

if TYPE_CHECKING:
    from permissions.audiences import Audience, Resource


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a model, each of which gives a user an audience of an object.

    `object` names the foreign key to the object, or the fields of its content type and its key.
    With `of`, a foreign key of the object, the row is about all objects that refer to the same as
    it does: `object="project", of="project"`. `user` names the foreign key to the user, or to a
    team, of which `members` names the many-to-many field to users. `gives` is the audience; or, by
    the value of the column `level`, which.
    """

    model: str
    user: str
    object: str | tuple[str, str]
    gives: str | Mapping[Any, str]
    level: str = ""
    of: str = ""
    members: str = ""

    def tables(self, model: Any) -> Iterator[GrantTable]:
        """Yield none: nobody is granted anything here."""
        return iter(())

    @property
    def audiences(self) -> Mapping[Any, str]:
        """Return the audiences by level; without one, the only level is None."""
        return {None: self.gives} if isinstance(self.gives, str) else self.gives


@dataclass(frozen=True, slots=True)
class Listed:
    """What rows give on the objects (o) of a resource, as SQL; `number` is their place there.

    The rows are r; if they name teams, who is in those are the rows j.
    """

    resource: Resource
    number: int
    rows: Rows

    @property
    def model(self) -> Any:
        """Return the model of the rows."""
        return apps.get_model(self.rows.model)

    @property
    def table(self) -> str:
        """Return the name of their table."""
        name: str = self.model._meta.db_table
        return name

    @property
    def source(self) -> str:
        """Return the name under which intervals are kept."""
        return f"{self.table}.{self.resource.label}.{self.number}"

    def source_of(self, audience: Audience) -> str:
        """Return the name of the intervals during which objects give this audience."""
        return f"{self.source}.{audience.name}" if self.rows.of else self.source

    @property
    def names(self) -> tuple[str, ...]:
        """Return the rows' fields that say who has what."""
        named = self.rows.object
        objects = (named,) if isinstance(named, str) else named
        return tuple(filter(None, [*objects, self.rows.user, self.rows.level]))

    @property
    def columns(self) -> tuple[str, ...]:
        """Return their columns."""
        return tuple(self.column(name) for name in self.names)

    def column(self, name: str) -> str:
        """Return the column of a field of the rows."""
        column: str = self.model._meta.get_field(name).column
        return column

    @property
    def through(self) -> Any:
        """Return the model of the rows that say who is in a team."""
        return self._members.remote_field.through

    @property
    def has_groups(self) -> bool:
        """Return whether teams are Django's groups."""
        groups = users.groups() if self.rows.members else None
        return groups is not None and groups.remote_field.through is self.through

    @property
    def in_team(self) -> tuple[str, str]:
        """Return its columns of the team and of the user."""
        field = self._members
        names = field.m2m_column_name(), field.m2m_reverse_name()
        return names if self._is_forward else names[::-1]

    @property
    def _members(self) -> Any:
        """Return the many-to-many field between teams and users, on whichever side it is."""
        found = self.team._meta.get_field(self.rows.members)
        return found if self._is_forward else found.field

    @property
    def _is_forward(self) -> bool:
        return not self.team._meta.get_field(self.rows.members).auto_created

    @property
    def team(self) -> Any:
        """Return the model of the teams."""
        return self.model._meta.get_field(self.rows.user).related_model

    @property
    def of(self) -> str:
        """Return the objects' column that leads to what the rows are about."""
        field: Any = self.resource.model._meta.get_field(self.rows.of)
        column: str = field.column
        return column

    # SQL

    def value(self, name: str, row: str = "r") -> str:
        """Return the value of a field in a row."""
        return quoted(row, self.column(name))

    @property
    def user(self) -> str:
        """Return the user whom a row, or that of a team, names."""
        return quoted("j", self.in_team[1]) if self.rows.members else self.value(self.rows.user)

    def joined(self, o: str, vendor: str, rows: str = "", through: str = "") -> str:
        """Return the joins of what an object has; `rows` and `through` are read instead of the
        tables of the rows and of who is in a team."""
        joins = f"JOIN {rows or _name(self.table)} r ON {self.is_about(o, vendor)}"
        if not self.rows.members:
            return joins
        team, _ = self.in_team
        through = through or _name(self.through._meta.db_table)
        return f"{joins} JOIN {through} j ON {quoted('j', team)} = {self.value(self.rows.user)}"

    def is_about(self, o: str, vendor: str, row: str = "r") -> str:
        """Return the condition that a row gives something on this object."""
        if self.rows.of:
            return f"{self.value(str(self.rows.object), row)} = {quoted(o, self.of)}"
        return self.is_on(f"{o}.{self.key}", vendor, row)

    @property
    def key(self) -> str:
        """Return the objects' key column."""
        key: Any = self.resource.model._meta.pk
        return _name(key.column)

    def is_on(self, key: str, vendor: str, row: str = "r") -> str:
        """Return the condition that a row names the object with this key."""
        named = self.rows.object
        if isinstance(named, str):
            return f"{self.value(named, row)} = {key}"
        kind, text = named
        model = self.resource.model._meta.concrete_model
        if not self._is_plain(text):
            key = spelled(model, vendor, key)
        return f"{self.value(text, row)} = {key} AND {of_type(model, self.value(kind, row))}"

    def object(self, vendor: str, row: str = "r") -> str:
        """Return the key of the object that a row names."""
        named = self.rows.object
        if isinstance(named, str):
            return self.value(named, row)
        text = self.value(named[1], row)
        model = self.resource.model._meta.concrete_model
        return text if self._is_plain(named[1]) else parsed(model, vendor, text)

    def _is_plain(self, name: str) -> bool:
        """Return whether this field has keys of objects as their own column has."""
        field = self.model._meta.get_field(name)
        kinds = kind_of_field(target_of(field), self.model), kind_of(self.resource.model)
        return kinds[0] == kinds[1]

    def level(self, audience: Audience, row: str = "r") -> str:
        """Return the condition that a row's level gives this audience."""
        if not self.rows.level:
            return "1 = 1"
        column = self.value(self.rows.level, row)
        mine = (value for value, name in self.rows.audiences.items() if name == audience.name)
        return f"({' OR '.join(_equals(column, value) for value in mine)})"

    @property
    def given(self) -> list[Audience]:
        """Return the audiences that rows give, in order."""
        names = {*self.rows.audiences.values()}
        return [audience for audience in self.resource.audiences if audience.name in names]

    def which(self, what: Mapping[str, Any], row: str = "r") -> str:
        """Return what stands for the audience that a row gives; null if it gives none."""
        cases = (f"WHEN {self.level(a, row)} THEN {what[a.name]}" for a in self.given)
        return f"CASE {' '.join(cases)} END"

    @property
    def common(self) -> str:
        """Return the field that names what users have together: a team, or what objects refer
        to; empty if each row names a user and an object."""
        if self.rows.members:
            return self.rows.user
        return str(self.rows.object) if self.rows.of else ""

    def spelled(self, column: str) -> str:
        """Return a key of what users have together as a text."""
        field = self.model._meta.get_field(self.common)
        return logged(kind_of_field(target_of(field), self.model), column)

    def supposed(self, audience: Audience | None, vendor: str) -> dict[str, str]:
        """Return the columns of a row that names an object (o) and a user, as parameters, and gives
        this audience: what each has."""
        named, model = self.rows.object, self.resource.model._meta.concrete_model
        key = f"o.{self.key}"
        found = {self.column(self.rows.user): "%(user)s"}
        if not isinstance(named, str):
            text = key if self._is_plain(named[1]) else spelled(model, vendor, key)
            found |= {self.column(named[0]): type_of(model), self.column(named[1]): text}
        else:
            found[self.column(named)] = quoted("o", self.of) if self.rows.of else key
        if self.rows.level:
            mine = (
                v for v, name in self.rows.audiences.items() if audience and name == audience.name
            )
            found[self.column(self.rows.level)] = _literal(next(mine, None))
        return found

    def at(self, names: Mapping[str, str], vendor: str, row: str = "r") -> str:
        """Return the condition that a row names one of a statement's objects."""
        named = self.rows.object
        if isinstance(named, str):
            return f"{self.value(named, row)} {names['in_objects']}"
        among = names["in_objects" if self._is_plain(named[1]) else "in_spelled"]
        kind = of_type(self.resource.model._meta.concrete_model, self.value(named[0], row))
        return f"{self.value(named[1], row)} {among} AND {kind}"

    @property
    def by_text(self) -> bool:
        """Return whether rows name objects by the text of their keys."""
        return not isinstance(self.rows.object, str) and not self._is_plain(self.rows.object[1])


def listed(resource: Resource) -> list[Listed]:
    """Return the rows of all sources of a resource."""
    rows = [source for source in resource.sources if isinstance(source, Rows)]
    return [Listed(resource, number, each) for number, each in enumerate(rows)]


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _equals(column: str, value: Any) -> str:
    """Return the condition that a column has this value."""
    if value is None:
        return f"{column} IS NULL"
    if isinstance(value, bool):
        return column if value else f"NOT {column}"
    return f"{column} = {_literal(value)}"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value).upper()  # of booleans, TRUE and FALSE
    return f"'{value.replace(chr(39), chr(39) * 2)}'"

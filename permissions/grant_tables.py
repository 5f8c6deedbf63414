"""The tables that say who was granted what, whichever of guardian's they are: plain data, and SQL.

A direct table has a foreign key to the objects of one model. A generic one names an object of any
model, by content type and by the text of its key. Of the texts, only those count that guardian
itself would compare: `str` of a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Exists, F, Func, OuterRef, QuerySet

from tenants.keys import INTEGER, TEXT, UNIQUE, Key, field_of, kind_of

USER: Final = "user"
GROUP: Final = "group"
GIVEN: Final = ("granted_by", "granted_at", "purpose")
KEY: Final = "earshot_key"
"""The attribute of a row that has the key of its object."""

NUMBER: Final = (
    "CASE WHEN {0} = '0' OR (ltrim({0}, '0123456789') = '' AND substr({0}, 1, 1) <> '0'"
    " AND (length({0}) BETWEEN 1 AND 18 OR length({0}) = 19 AND {0} <= '9223372036854775807'))"
    " THEN CAST({0} AS bigint) END"
)
HEXADECIMAL: Final = (
    "length({0}) = 36 AND ltrim({0}, '0123456789abcdef-') = ''"
    " AND length(replace({0}, '-', '')) = 32 AND substr({0}, 9, 1) || substr({0}, 14, 1) ||"
    " substr({0}, 19, 1) || substr({0}, 24, 1) = '----'"
)
PARSED: Final = {
    ("postgresql", INTEGER): NUMBER,
    ("sqlite", INTEGER): NUMBER,
    ("postgresql", UNIQUE): f"CASE WHEN {HEXADECIMAL} THEN CAST({{0}} AS uuid) END",
    ("sqlite", UNIQUE): f"CASE WHEN {HEXADECIMAL} THEN replace({{0}}, '-', '') END",
    ("postgresql", TEXT): "{0}",
    ("sqlite", TEXT): "{0}",
}
"""SQL for the key that a text names; null if it names none, so that no cast can fail."""

AS_TEXT: Final = "CAST({0} AS text)"
HYPHENS: Final = " || '-' || ".join(
    f"substr({{0}}, {start}, {size})"
    for start, size in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
)
SPELLED: Final = {("sqlite", UNIQUE): f"({HYPHENS})"}
"""SQL for the text by which a generic table names a key, where it is not a cast."""


def parsed(model: Any, vendor: str, text: str) -> str:
    """Return SQL for the model's key that this text names."""
    return PARSED[vendor, kind_of(model)].format(text)


def spelled(model: Any, vendor: str, key: str) -> str:
    """Return SQL for the text by which generic tables name this key of the model."""
    return SPELLED.get((vendor, kind_of(model)), AS_TEXT).format(key)


def quoted(alias: str, column: str) -> str:
    """Return a column of a row in a statement."""
    return f'{alias}."{column}"'


def of_type(model: Any, column: str) -> str:
    """Return the condition that this column has the model's content type."""
    return f"{column} = {type_of(model)}"


def type_of(model: Any) -> str:
    """Return SQL for the model's content type."""
    meta = model._meta
    return (
        f"(SELECT c.id FROM {ContentType._meta.db_table} c"  # noqa: S608 - models' names
        f" WHERE c.app_label = '{meta.app_label}' AND c.model = '{meta.model_name}')"
    )


@dataclass(frozen=True, slots=True)
class GrantTable:
    """A table whose rows give a permission on objects of `target` to users or to groups (`who`)."""

    model: Any
    target: Any
    who: str

    @property
    def is_generic(self) -> bool:
        """Return whether its rows name objects by content type and text."""
        return any(field.name == "object_pk" for field in self.model._meta.concrete_fields)

    @property
    def is_attributed(self) -> bool:
        """Return whether its rows say who granted, when and what for."""
        return {*GIVEN} <= {field.name for field in self.model._meta.concrete_fields}

    @property
    def table(self) -> str:
        """Return its name."""
        name: str = self.model._meta.db_table
        return name

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns of its key, principal, permission and object."""
        get = self.model._meta.get_field
        found = {
            "id": self.model._meta.pk.column,
            "principal": get(self.who).column,
            "permission": get("permission").column,
            "object": get("object_pk" if self.is_generic else "content_object").column,
        }
        if self.is_generic:
            found["type"] = get("content_type").column
        return found

    @property
    def source(self) -> str:
        """Return the name under which the intervals of its rows are kept."""
        return f"{self.table}.{self.target._meta.label_lower}" if self.is_generic else self.table

    def key(self, alias: str, vendor: str) -> str:
        """Return SQL for the key of the object of this row."""
        column = quoted(alias, self.columns["object"])
        return parsed(self.target, vendor, column) if self.is_generic else column

    def is_on(self, alias: str, key: str, vendor: str) -> str:
        """Return the condition that this row is on the object with this key."""
        column = quoted(alias, self.columns["object"])
        if self.is_generic:
            return f"{column} = {spelled(self.target, vendor, key)} AND {self.is_of_type(alias)}"
        return f"{column} = {key}"

    def is_of_type(self, alias: str) -> str:
        """Return the condition that this row of a generic table is on an object of the model."""
        return of_type(self.target, quoted(alias, self.columns["type"]))

    def why_not(self) -> str | None:
        """Return why it cannot be read, or None if it can."""
        if not self.is_generic:
            target = self.model._meta.get_field("content_object").target_field
            if not target.primary_key:
                return f"it refers to {target.name}"
        if kind_of(self.model) != INTEGER:
            return "its own keys are no integers"
        return None

    def rows(self, codenames: Iterable[str] | None = None) -> QuerySet[Any]:
        """Return the rows that give these permissions, or any, each with the key of its object."""
        found: QuerySet[Any] = self.model._base_manager.all()
        if codenames is not None:
            found = found.filter(permission__codename__in=codenames)
        if not self.is_generic:
            own: QuerySet[Any] = found.annotate(**{KEY: F("content_object")})
            return own
        template = parsed(self.target, connection.vendor, "%(expressions)s")
        key = Func(F("object_pk"), template=template, output_field=field_of(self.target))
        kind = ContentType.objects.get_for_model(self.target)
        found = found.filter(content_type=kind, permission__content_type=kind)
        mine: QuerySet[Any] = found.annotate(**{KEY: key})
        return mine

    def of(self, codenames: Iterable[str], pk: Key) -> QuerySet[Any]:
        """Return the rows on one object that give these permissions."""
        one = {"object_pk": str(pk)} if self.is_generic else {"content_object": pk}
        return self.rows(codenames).filter(**one)

    def on(self, objects: QuerySet[Any], rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of these rows that are on these objects."""
        if not self.is_generic:
            return rows.filter(content_object__in=objects.values("pk"))
        return rows.filter(Exists(objects.filter(pk=OuterRef(KEY))))

    def row(self, principal: Any, permission_id: int, pk: Key, how: dict[str, Any]) -> Any:
        """Return a new row; who granted it, when and what for are left out where it cannot say."""
        values = {f"{self.who}_id": principal, "permission_id": permission_id}
        if self.is_attributed:
            values |= how
        if self.is_generic:
            kind = ContentType.objects.get_for_model(self.target)
            return self.model(content_type=kind, object_pk=str(pk), **values)
        return self.model(content_object_id=pk, **values)

    def names(self, connection: Any) -> dict[str, str]:
        """Return what statements call the table (as g) and its columns.

        `at_objects` is the condition that a row is on one of a statement's objects, `of_type` that
        it is on an object of the model; `at` and `type` stand in them for what the statement has.
        """
        columns = {name: quoted("g", column) for name, column in self.columns.items()}
        found = {
            "grants": connection.ops.quote_name(self.table),
            "principal": columns["principal"],
            "permission_key": columns["permission"],
            "granted_object": self.key("g", connection.vendor),
            "at_objects": f"{columns['object']} {{in_objects}}",
            "of_type": "",
        }
        if self.is_generic:
            found["of_type"] = f" AND {columns['type']} = {{type}}"
            found["at_objects"] = f"{columns['object']} {{in_spelled}}{found['of_type']}"
        return found

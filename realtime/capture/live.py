"""Which tables' changes are captured, from the models and the declarations: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import models

from permissions.audiences import Resource, Shows, registry
from permissions.stored import is_beside
from realtime.capture import intervals
from realtime.capture.intervals import Kept
from realtime.capture.models import LiveModel
from realtime.capture.triggers import quoted
from tenants.keys import INTEGER, kind_of, logged
from tenants.placed import tenancy_of
from tenants.tenancy import COLUMN, Tenancy, leads

HELD: Final = "holder changed"
VISIBILITY: Final = "visibility changed"
DELETED: Final = "deleted"
MOVED: Final = "tenant changed"


@dataclass(frozen=True, slots=True)
class Live:
    """A table of objects that have versions.

    `columns`, each with its field's name, and `generated`, which the database computes, are
    compared. `stamps` are columns that move with others. The user in a column of `holders` has the
    audience of the permission at the same place in `permissions`; `visible` are the columns by
    which an object is shown at all. `kind` says what the keys are. `unique` are the column sets
    that are unique. The version is in the column `version`, or `beside` in a table of its own. If
    `keeps_tenant`, moving an object to another tenant, or another key, is refused.
    """

    table: str
    label: str
    columns: tuple[tuple[str, str], ...]
    generated: tuple[tuple[str, str], ...] = ()
    stamps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    holders: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    visible: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    key: str = "id"
    kind: str = INTEGER
    version: str = "version"
    beside: bool = False
    tenancy: Tenancy = COLUMN
    keeps_tenant: bool = True

    @property
    def tenant(self) -> str:
        """Return the column of the tenant of an object that keeps it."""
        return self.tenancy.column

    @property
    def placed(self) -> tuple[str, ...]:
        """Return the column of the tenant, if the row itself has it."""
        return () if self.tenancy.steps else self.tenancy.columns

    @property
    def moves(self) -> bool:
        """Return whether a write of the row may take the object to another tenant."""
        return bool(self.tenancy.columns) and not self.keeps_tenant

    def of(self, side: str) -> str:
        """Return SQL for the key of this row's tenant, which may be null."""
        return self.tenancy.sql(side)

    @property
    def kept(self) -> dict[str, Kept]:
        """Return, by holder's column, the intervals during which it names somebody."""
        pairs = zip(self.holders, self.permissions, strict=False)
        of = (self.table, self.key, self.kind, self.tenancy, self.label)
        return {column: intervals.holder(*of, column, permission) for column, permission in pairs}

    def logged(self, side: str) -> str:
        """Return SQL for the key of this row, as the logs hold it."""
        return logged(self.kind, f"{side}.{quoted(self.key)}")

    def names(self, side: str) -> dict[str, str]:
        """Return SQL for the `tenant`, the `key` and the `version` of this row."""
        version = f"{side}.{quoted(self.version)}"
        return {"tenant": self.of(side), "key": self.logged(side), "version": version}

    @property
    def compared(self) -> tuple[str, ...]:
        """Return the columns whose change raises the version; a stamp never changes alone."""
        moved = {stamp for stamp, _ in self.stamps}
        return tuple(column for column, _ in self.columns if column not in moved)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Return each column that a change may name, with the name of its field."""
        return tuple(sorted((*self.columns, *self.generated), key=lambda pair: pair[1]))


@dataclass(frozen=True, slots=True)
class Shown:
    """A table whose rows others show: a write to it leaves a note of the row as it was.

    A note keeps only the `kept` columns: those by which other rows may refer to it, and those they
    show. Changes of `watched` columns count. A live row's own change serves as a note, and the note
    written here says who showed it before. `created`: something may show a row that is new.
    `kind` and `unique` are as in Live.
    """

    table: str
    label: str
    kept: tuple[str, ...]
    watched: tuple[str, ...]
    key: str = "id"
    kind: str = INTEGER
    tenant: str | None = None
    created: bool = True
    unique: tuple[tuple[str, ...], ...] = ()

    def logged(self, side: str) -> str:
        """Return SQL for the key of this row, as the logs hold it."""
        return logged(self.kind, f"{side}.{quoted(self.key)}")


def lives() -> list[Live]:
    """Return the table of every live model, and of each other one that is declared."""
    found = [m for m in apps.get_models() if issubclass(m, LiveModel) and not m._meta.proxy]
    declared = (resource.model._meta.concrete_model for resource in registry)
    return [_live(model) for model in dict.fromkeys([*found, *declared])]


def _live(model: Any) -> Live:
    meta = model._meta
    resource = registry.get(meta.label_lower) if meta.label_lower in registry else None
    beside = is_beside(model)
    tenancy = tenancy_of(model)
    placed = "" if tenancy.steps else tenancy.path
    fixed = {placed, meta.pk.name, *([] if beside else ["version"])}
    mine = [field for field in meta.local_concrete_fields if field.name not in fixed]
    return Live(
        table=meta.db_table,
        label=meta.label_lower,
        columns=tuple((field.column, field.name) for field in mine if not field.generated),
        generated=tuple((field.column, field.name) for field in mine if field.generated),
        stamps=tuple(
            (_column(model, stamp), tuple(_column(model, name) for name in sources))
            for stamp, sources in getattr(model, "stamps", {}).items()
        ),
        holders=tuple(_column(model, name) for name in (resource.named if resource else ())),
        permissions=tuple(resource.declared(name).permission for name in resource.named.values())
        if resource
        else (),
        visible=tuple(_column(model, name) for name in getattr(resource, "visible_by", ())),
        unique=tuple(_unique(model)),
        key=meta.pk.column,
        kind=kind_of(model),
        version="" if beside else _column(model, "version"),
        beside=beside,
        tenancy=tenancy,
        keeps_tenant=not beside,
    )


def _unique(model: Any) -> list[tuple[str, ...]]:
    """Return the columns of each unique constraint; those over expressions are left out."""
    meta = model._meta
    alone = [(f.column,) for f in meta.local_concrete_fields if f.unique and not f.primary_key]
    named = [c.fields for c in meta.constraints if isinstance(c, models.UniqueConstraint)]
    together = [*meta.unique_together, *(fields for fields in named if fields)]
    return [*alone, *(tuple(_column(model, name) for name in fields) for fields in together)]


def shown() -> list[Shown]:
    """Return the table of every model whose rows a resource shows."""
    by_model: dict[Any, list[tuple[Resource, Shows]]] = {}
    for resource in registry:
        for shows in resource.shows:
            by_model.setdefault(shows.model._meta.concrete_model, []).append((resource, shows))
    return [_shown(model, found) for model, found in by_model.items()]


def _names_key(resource: Resource, shows: Shows) -> bool:
    """Return whether what shows a row names its key, so that the row existed before."""
    by = [resource.model._meta.get_field(name) for name in shows.by]
    models_ = {f.related_model._meta.concrete_model for f in by if f.related_model}
    return models_ == {shows.model._meta.concrete_model}


def _shown(model: Any, found: list[tuple[Resource, Shows]]) -> Shown:
    meta = model._meta
    live = issubclass(model, LiveModel) or model._meta.label_lower in registry
    fields = {name for _, shows in found for name in shows.fields}
    columns = [*meta.local_concrete_fields]
    related = [f for f in columns if (f.is_relation or f.unique) and not f.generated]
    seen = [f for f in columns if f.name in fields and f not in related]
    noted = [f for f in (*related, *seen) if not f.generated]
    noted = [f for f in noted if f.get_internal_type() != "BinaryField"]  # no JSON
    return Shown(
        table=meta.db_table,
        label=meta.label_lower,
        kept=tuple(field.column for field in noted),
        watched=tuple(f.column for f in (related if live else (*related, *seen))),
        key=meta.pk.column,
        kind=kind_of(model),
        tenant=next(
            (f.column for f in columns if f.name == "tenant" and leads(model, "tenant")), None
        ),
        created=not live and not all(_names_key(*one) for one in found),
        unique=tuple(_unique(model)),
    )


def _column(model: Any, name: str) -> str:
    column: str = model._meta.get_field(name).column
    return column

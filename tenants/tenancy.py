"""How the tenant of a model's objects is found: in a column, by a path, or one for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, OuterRef, QuerySet, Subquery

TENANT: Final = "earshot_tenants.Tenant"
EVERYBODY: Final = "everybody"
"""The slug of the one tenant of models that have none: everybody is a member."""


class NoTenant(TypeError):
    """A path does not lead to a tenant by foreign keys."""

    def __init__(self, model: Any, path: str, name: str) -> None:
        self.model, self.path, self.name = model, path, name
        super().__init__(
            f"{model._meta.label} has the tenant {path!r}, in which {name!r} is no foreign key that"
            f" leads to {TENANT}."
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A foreign key of a path: its `column` holds a `key` of a row of `table`."""

    column: str
    table: str
    key: str


@dataclass(frozen=True, slots=True)
class Tenancy:
    """`column` holds the tenant's key, in the table to which the steps lead; empty: one for all.

    `path` names the fields. `nullable` says that an object may have no tenant: nobody sees it.
    """

    path: str = ""
    column: str = ""
    steps: tuple[Step, ...] = ()
    nullable: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the object's own row that lead to its tenant."""
        first = self.steps[0].column if self.steps else self.column
        return (first,) if first else ()

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the other tables that say which the tenant is."""
        if not self.column:
            return (apps.get_model(TENANT)._meta.db_table,)
        return tuple(step.table for step in self.steps)

    def sql(self, row: str) -> str:
        """Return SQL for the tenant's key of a row with this alias."""
        if not self.column:
            [tenants] = self.tables
            return f"(SELECT one.id FROM {tenants} one WHERE one.slug = '{EVERYBODY}')"  # noqa: S608 - ours
        if not self.steps:
            return f"{row}.{_quoted(self.column)}"
        first, *others = self.steps
        joined = f"{_quoted(first.table)} p0"
        for number, step in enumerate(others):
            joined += (
                f" JOIN {_quoted(step.table)} p{number + 1}"
                f" ON p{number + 1}.{_quoted(step.key)} = p{number}.{_quoted(step.column)}"
            )
        column = f"p{len(others)}.{_quoted(self.column)}"
        where = f"p0.{_quoted(first.key)} = {row}.{_quoted(first.column)}"
        return f"(SELECT {column} FROM {joined} WHERE {where})"  # noqa: S608 - the models' own names

    def expression(self, model: Any) -> Any:
        """Return what a query for rows of the model has as their tenant's key."""
        if not self.column:
            one = apps.get_model(TENANT)._base_manager.filter(slug=EVERYBODY)
            return Subquery(one.values("pk"))
        if not self.steps:
            return F(model._meta.get_field(self.path).attname)
        first, _, rest = self.path.partition("__")
        field = model._meta.get_field(first)
        there: QuerySet[Any] = field.related_model._base_manager.all()
        own = {field.target_field.name: OuterRef(field.attname)}
        return Subquery(QuerySet(there.model).filter(**own).values(f"{rest}_id"))


COLUMN: Final = Tenancy("tenant", "tenant_id", nullable=False)
"""That of our own models."""


@cache
def tenancy(model: Any, path: str | None = None) -> Tenancy:
    """Return how the tenants of the model's objects are found; raise NoTenant.

    Without a path: by a foreign key `tenant`, or one tenant for all of them.
    """
    if path is None:
        path = "tenant" if leads(model, "tenant") else ""
    if not path:
        return Tenancy()
    steps: list[Step] = []
    *names, last = path.split("__")
    at, nullable = model, False
    for name in names:
        field = _link(at, name)
        if field is None:
            raise NoTenant(model, path, name)
        steps.append(Step(field.column, field.related_model._meta.db_table,
                          field.target_field.column))  # fmt: skip
        at = field.related_model
    if not leads(at, last):
        raise NoTenant(model, path, last)
    field = at._meta.get_field(last)
    nullable = bool(steps) or field.null
    return Tenancy(path, field.column, tuple(steps), nullable)


def leads(model: Any, name: str) -> bool:
    """Return whether this field of the model is a foreign key to a tenant."""
    field = _link(model, name)
    return field is not None and field.related_model._meta.label == TENANT


def _link(model: Any, name: str) -> Any:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if field.many_to_one and field.concrete else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

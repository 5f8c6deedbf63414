"""How the tenant of a model's objects is found: in a column, by a path, or one for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BigIntegerField, F, Func, Subquery, Value

from tenants import hosted
from tenants.keys import kind_of, logged

TENANT: Final = "earshot_tenants.Tenant"
EVERYBODY: Final = "everybody"
"""The slug of the one tenant of models that have none: everybody is a member."""


class NoTenant(TypeError):
    """A path does not lead to a tenant by foreign keys."""

    def __init__(self, model: Any, path: str, name: str) -> None:
        self.model, self.path, self.name = model, path, name
        super().__init__(
            f"{model._meta.label} has the tenant {path!r}, in which {name!r} is no foreign key that"
            f" leads to {TENANT}{hosted.or_model()}."
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A foreign key of a path: its `column` holds a `key` of a row of `table`.

    With a `kind` of keys, it has their plain form, and `key` the form that logs have.
    """

    column: str
    table: str
    key: str
    kind: str = ""

    def joins(self, lower: str, upper: str) -> str:
        """Return the condition that the row `lower` refers to the row `upper`."""
        return self.names(f"{lower}.{_quoted(self.column)}", upper)

    def names(self, value: str, upper: str) -> str:
        """Return the condition that this value of the column names the row `upper`."""
        return f"{upper}.{_quoted(self.key)} = {logged(self.kind, value) if self.kind else value}"


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
    def is_column(self) -> bool:
        """Return whether objects have the key of our tenant as their `tenant`."""
        return self.path == "tenant" and not self.steps

    @property
    def is_hosted(self) -> bool:
        """Return whether the path leads to a model of the project's, which our tenants follow."""
        return bool(self.steps) and bool(self.steps[-1].kind)

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
        return self._found(f"{row}.{_quoted(self.steps[0].column)}")

    def _found(self, first: str) -> str:
        """Return SQL that follows the steps from the value of the first column."""
        joined = f"{_quoted(self.steps[0].table)} p0"
        for number, step in enumerate(self.steps[1:]):
            upper = f"p{number + 1}"
            joined += f" JOIN {_quoted(step.table)} {upper} ON {step.joins(f'p{number}', upper)}"
        column = f"p{len(self.steps) - 1}.{_quoted(self.column)}"
        where = self.steps[0].names(first, "p0")
        return f"(SELECT {column} FROM {joined} WHERE {where})"  # noqa: S608 - the models' own names

    def expression(self, model: Any) -> Any:
        """Return what a query for rows of the model has as their tenant's key."""
        if not self.column:
            one = apps.get_model(TENANT)._base_manager.filter(slug=EVERYBODY)
            return Subquery(one.values("pk"))
        if not self.steps:
            return F(model._meta.get_field(self.path).attname)
        field = model._meta.get_field(self.path.partition("__")[0])
        return self._of(F(field.attname))

    def of_value(self, field: Any, value: Any) -> Any:
        """Return what a query has as the tenant's key of a row whose first link has this value."""
        return self._of(Value(value, output_field=field.target_field))

    def _of(self, first: Any) -> Any:
        sql = self._found("%(expressions)s")
        return Func(first, template=sql, output_field=BigIntegerField())


COLUMN: Final = Tenancy("tenant", "tenant_id", nullable=False)
"""That of our own models."""


@cache
def tenancy(model: Any, path: str | None = None) -> Tenancy:
    """Return how the tenants of the model's objects are found; raise NoTenant.

    Without a path: by a foreign key `tenant`, or one tenant for all of them. A path may leave out
    the links by which a row of it inherits others.
    """
    if path is None:
        path = "tenant" if arrives(model, "tenant") else ""
    if not path:
        return Tenancy()
    steps: list[Step] = []
    path = "__".join(_spelled(model, path))
    *names, last = path.split("__")
    at = model
    for name in names:
        field = _link(at, name)
        if field is None:
            raise NoTenant(model, path, name)
        steps.append(Step(field.column, field.related_model._meta.db_table,
                          field.target_field.column))  # fmt: skip
        at = field.related_model
    field = _link(at, last)
    if leads(at, last):
        return Tenancy(path, field.column, tuple(steps), bool(steps) or field.null)
    if field is None or not hosted.is_tenant(field.related_model):
        raise NoTenant(model, path, last)
    target, ours = field.related_model, apps.get_model(TENANT)._meta
    steps.append(Step(field.column, target._meta.db_table, field.target_field.column))
    steps.append(Step(target._meta.pk.column, ours.db_table, "source", kind_of(target)))
    return Tenancy(path, ours.pk.column, tuple(steps))


def _spelled(model: Any, path: str) -> Iterator[str]:
    """Yield the names of a path, with the links to the parents whose tables have its columns."""
    first, *names = path.split("__")
    yield first
    link = _link(model, first)
    for name in names:
        at: Any = link and link.related_model._meta.concrete_model
        link = at and _link(at, name)
        for parent in at._meta.get_base_chain(link.model._meta.concrete_model) if link else ():
            yield at._meta.get_ancestor_link(parent).name
            at = parent
        yield name


def along(model: Any, own: Tenancy) -> Iterator[Any]:
    """Yield the models of the path's steps; the last is ours if it follows the project's."""
    names = own.path.split("__")
    for name in names if own.is_hosted else names[:-1]:
        model = model._meta.get_field(name).related_model
        yield model
    if own.is_hosted:
        yield apps.get_model(TENANT)


def leads(model: Any, name: str) -> bool:
    """Return whether this field of the model is a foreign key to a tenant."""
    field = _link(model, name)
    return field is not None and field.related_model._meta.concrete_model._meta.label == TENANT


def arrives(model: Any, name: str) -> bool:
    """Return whether it is one to a tenant, of ours or of the project's own model."""
    field = _link(model, name)
    return leads(model, name) or (field is not None and hosted.is_tenant(field.related_model))


def _link(model: Any, name: str) -> Any:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if field.concrete and (field.many_to_one or field.one_to_one) else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

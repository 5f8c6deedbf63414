"""Rows of any model, and the tenants that they are in."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.db.models import ForeignKey, Model, Q, QuerySet

from tenants.tenancy import Tenancy, tenancy

TENANT: Final = "earshot_tenant"
"""The attribute of a loaded row that has its tenant's key, if the model has no `tenant`."""

DECLARED: Final[dict[str, str | None]] = {}
"""The paths to the tenant that declarations name, by the label of the model."""


def tenancy_of(model: type[Model]) -> Tenancy:
    """Return how the tenant of the model's rows is found, by its declaration; a proxy has its
    concrete model's."""
    concrete: Any = model._meta.concrete_model
    return tenancy(concrete, DECLARED.get(concrete._meta.label_lower))


def with_tenants(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the same rows with their tenants' keys, if those are not in a column `tenant`."""
    return _found(rows, None)[0]


def tenant_name(model: type[Model]) -> str:
    """Return by which name a query of `with_tenants` knows the key of the rows' tenant."""
    return "tenant_id" if tenancy_of(model).is_column else TENANT


def here(rows: QuerySet[Any], tenant_id: int, own: Tenancy | None = None) -> QuerySet[Any]:
    """Return those of the rows that are in this tenant, by the way that they are found."""
    rows, name = _found(rows, own)
    return rows.filter(**{name: tenant_id})


def elsewhere(rows: QuerySet[Any], tenant_id: int, own: Tenancy | None = None) -> QuerySet[Any]:
    """Return those of the rows that are in another tenant, or in none."""
    rows, name = _found(rows, own)
    return rows.filter(~Q(**{name: tenant_id}) | Q(**{f"{name}__isnull": True}))


def _found(rows: QuerySet[Any], own: Tenancy | None) -> tuple[QuerySet[Any], str]:
    """Return the rows, and by which name they have the key of their tenant."""
    own = own or tenancy_of(rows.model)
    if own.is_column:
        return rows, "tenant_id"
    return rows.annotate(**{TENANT: own.expression(rows.model._meta.concrete_model)}), TENANT


def placed_links(model: type[Model]) -> dict[str, Tenancy]:
    """Return how the tenant is found of the rows that the model's foreign keys and many-to-many
    fields lead to, by the field, if those are in a tenant each."""
    first, _, rest = tenancy_of(model).path.partition("__")
    fields = [f for f in model._meta.concrete_fields if isinstance(f, ForeignKey)]
    links: list[Any] = [*fields, *model._meta.many_to_many]
    found = {
        link.name: tenancy(link.related_model._meta.concrete_model, rest)
        if rest and link.name == first
        else tenancy_of(link.related_model)
        for link in links
    }
    return {name: own for name, own in found.items() if own.path}


def placed_in(row: Any) -> int | None:
    """Return the tenant in which the row would be as it is now, whether it is stored or not; None
    if that is nowhere, or if all such rows are in one."""
    own, model = tenancy_of(type(row)), type(row)._meta.concrete_model
    if not own.path:
        return None
    field = model._meta.get_field(own.path.partition("__")[0])
    value: Any = getattr(row, field.attname)
    if value is None or not own.steps:
        return value  # type: ignore[no-any-return]
    tenants = apps.get_model("earshot_tenants.Tenant")._base_manager
    found: int | None = (
        tenants.filter(pk=own.of_value(field, value)).values_list("pk", flat=True).first()
    )
    return found

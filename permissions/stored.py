"""The stored rows of declared models, each with its version: in its own column, or beside it.

A model that was there before has no column for a version. The triggers keep one row beside each of
its objects; an object that was never changed since may have none, and then its version is 0.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db.models import Expression, Func, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from permissions.audiences import Resource
from permissions.versions import VersionField
from tenants.keys import AS_LOGGED, KeyField, kind_of
from tenants.models import Tenant
from tenants.placed import TENANT, here, tenancy_of, tenant_name, with_tenants
from tenants.tenancy import Tenancy

VERSION: Final = "earshot_version"
"""The attribute of a loaded object that has its version, if the model has no column for it."""


@cache
def is_beside(model: type[Model]) -> bool:
    """Return whether the versions of the model's objects are beside their rows."""
    return not any(isinstance(field, VersionField) for field in model._meta.concrete_fields)


def rows(resource: Resource) -> QuerySet[Any]:
    """Return a query for the resource's objects, with versions; filter it by tenant.

    What a model's own managers hide is the concern of `visible_by`: without a version column, the
    query is for all rows.
    """
    model: Any = resource.model
    if not is_beside(model):
        found: QuerySet[Any] = model.objects.all()
        return found
    return with_versions(QuerySet(model))


def with_versions(objects: QuerySet[Any]) -> QuerySet[Any]:
    """Return the same objects with the versions that are beside them."""
    model: Any = objects.model._meta.concrete_model
    found: QuerySet[Any] = objects.annotate(**{VERSION: Coalesce(Subquery(_versions(model)), 0)})
    return with_tenants(found)


def within(resource: Resource, tenant_id: int | Expression) -> QuerySet[Any]:
    """Return a query for the resource's objects in a tenant, with versions."""
    return rows(resource).filter(**{tenant_name(resource.model): tenant_id})


def in_tenant(model: type[Model], tenant_id: int) -> QuerySet[Any]:
    """Return a query for the model's objects in a tenant, without versions."""
    return here(QuerySet(model), tenant_id)


def placing(model: type[Model], tenant_id: int) -> dict[str, int]:
    """Return the value by which a new object is in this tenant; none if a path says where it is."""
    own = tenancy_of(model)
    if not own.path or "__" in own.path or (own.steps and not own.is_hosted):
        return {}
    field: Any = model._meta.get_field(own.path)
    return {field.attname: key_of(own, tenant_id)}


def key_of(own: Tenancy, tenant_id: int) -> Any:
    """Return the key of the row to which a path leads for this tenant: of ours, or of theirs."""
    if not own.is_hosted:
        return tenant_id
    return Tenant._base_manager.values_list("source", flat=True).get(pk=tenant_id)


def tenant_of(obj: Any) -> int:
    """Return the key of an object's tenant: of one that was not loaded by `rows`, by a query.

    That of an object in no tenant is 0, which no tenant has.
    """
    model: Any = type(obj)._meta.concrete_model
    if tenancy_of(model).is_column:
        return obj.tenant_id or 0
    if TENANT not in vars(obj):
        found = with_tenants(QuerySet(model)).filter(pk=obj.pk)
        return found.values_list(TENANT, flat=True).first() or 0
    return vars(obj)[TENANT] or 0


def _versions(model: Any) -> QuerySet[Any, Any]:
    beside: Any = apps.get_model("earshot_permissions", "ObjectVersion")
    template = AS_LOGGED[kind_of(model)].format("%(expressions)s")
    key = Func(OuterRef("pk"), template=template, output_field=KeyField())
    found: QuerySet[Any, Any] = beside.objects.filter(
        model=model._meta.label_lower, object_id=key
    ).values("version")
    return found


def version_of(obj: Any) -> int:
    """Return the version of an object that was loaded."""
    model: Any = type(obj)
    version: int = vars(obj).get(VERSION, 0) if is_beside(model) else obj.version
    return version

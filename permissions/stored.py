"""The stored rows of declared models, each with its version: in its own column, or beside it.

A model that was there before has no column for a version. The triggers keep one row beside each of
its objects; an object that was never changed since may have none, and then its version is 0.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db.models import Func, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from permissions.audiences import Resource
from permissions.versions import VersionField
from tenants.keys import AS_LOGGED, KeyField, kind_of

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
    return found


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

"""A query that was never told its tenant raises, instead of reading everybody's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
R = TypeVar("R")


class TenantMissing(RuntimeError):
    """A query on a tenant's objects that would have run without naming the tenant."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        super().__init__(
            f"A query on {model.__name__} does not say for which tenant. Filter by tenant, "
            "or call across_tenants() if it is really meant for all of them."
        )


def _guarded(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R]:
    @wraps(method)
    def guarded(self: TenantQuerySet[Any], *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._told:
            raise TenantMissing(self.model)
        return method(self, *args, **kwargs)

    return guarded


class TenantQuerySet(models.QuerySet[M]):
    """Refuses to run until a filter, get or related manager of a tenant told it the tenant."""

    _told = False

    def across_tenants(self) -> Self:
        """The same query, meant for all tenants."""
        return self.all()._telling(True)

    def filter(self, *args: Any, **kwargs: Any) -> Self:
        told = any(map(_names_tenant, (*args, *kwargs.items())))
        return super().filter(*args, **kwargs)._telling(self._told or told)

    def none(self) -> Self:
        return super().none()._telling(True)

    def bulk_update(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> int:
        # Like the new objects of bulk_create, these have their tenants.
        return super(TenantQuerySet, self.across_tenants()).bulk_update(objs, *args, **kwargs)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    _fetch_all = _guarded(models.QuerySet._fetch_all)
    aggregate = _guarded(models.QuerySet.aggregate)
    aiterator = _guarded(models.QuerySet.aiterator)
    count = _guarded(models.QuerySet.count)
    delete = _guarded(models.QuerySet.delete)
    exists = _guarded(models.QuerySet.exists)
    explain = _guarded(models.QuerySet.explain)
    iterator = _guarded(models.QuerySet.iterator)
    update = _guarded(models.QuerySet.update)

    def __and__(self, other: Any) -> Self:
        return super().__and__(other)._telling(self._told or _told(other))

    def __or__(self, other: Any) -> Self:
        return super().__or__(other)._telling(self._told and _told(other))

    def __xor__(self, other: Any) -> Self:
        return super().__xor__(other)._telling(self._told and _told(other))

    def _combinator_query(self, combinator: str, *others: Any, **kwargs: Any) -> Self:
        told = all(map(_told, (self, *others)))
        return super()._combinator_query(combinator, *others, **kwargs)._telling(told)  # type: ignore[misc]

    def _clone(self) -> Self:
        return super()._clone()._telling(self._told)  # type: ignore[misc]

    def _telling(self, told: bool) -> Self:
        # In place: one more clone would use up what Django's many-to-many managers made sticky.
        self._told = told
        return self


class UnscopedManager(models.Manager[M]):
    """For Django itself (cascades, related objects): its queries need not name the tenant."""

    def get_queryset(self) -> Any:
        return super().get_queryset().across_tenants()  # type: ignore[attr-defined]


class TenantOwned(models.Model):
    """An object of exactly one tenant.

    A subclass with a query set of its own declares both managers anew, `objects` first:
    `objects = Mine.as_manager()` and `unscoped = UnscopedManager.from_queryset(Mine)()`.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")

    objects = TenantQuerySet.as_manager()
    unscoped: ClassVar[Any] = UnscopedManager.from_queryset(TenantQuerySet)()

    class Meta:
        abstract = True
        base_manager_name = "unscoped"


def _told(query: models.QuerySet[Any]) -> bool:
    # Another query set never asks.
    return getattr(query, "_told", True)


def _names_tenant(condition: Any) -> bool:
    """Whether every row that meets the condition is of a tenant that it names."""
    if isinstance(condition, models.Q):
        anded = condition.connector == models.Q.AND and not condition.negated
        return anded and any(map(_names_tenant, condition.children))
    return isinstance(condition, tuple) and condition[0].split("__")[0] in {"tenant", "tenant_id"}

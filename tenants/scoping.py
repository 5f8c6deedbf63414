"""A query that was never told its tenant raises, instead of reading everybody's rows.

`objects` raises: it is for application code. What Django, DRF and others query by themselves goes
through `unscoped`, the default and the base manager: validators, forms, related objects, fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from tenants.placed import elsewhere, placed_links

M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
R = TypeVar("R")


class TenantMissing(RuntimeError):
    """A query on tenant-owned objects does not name the tenant."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        super().__init__(
            f"A query on {model.__name__} does not name a tenant. Filter by tenant, "
            "or call across_tenants() if it is really meant for all tenants."
        )


def _guarded(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R]:
    @wraps(method)
    def guarded(self: TenantQuerySet[Any], *args: P.args, **kwargs: P.kwargs) -> R:
        if not self.told:
            raise TenantMissing(self.model)
        return method(self, *args, **kwargs)

    return guarded


class TenantQuerySet(models.QuerySet[M]):
    """Refuses to run until a filter, get or related manager has named the tenant."""

    told = False

    @classmethod
    def as_manager(cls) -> Any:
        """Return a manager that raises as its queries do."""
        return GuardedManager.from_queryset(cls)()

    as_manager.queryset_only = True  # type: ignore[attr-defined]

    def across_tenants(self) -> Self:
        """Return the same query, meant for all tenants."""
        return self.all()._telling(True)

    def filter(self, *args: Any, **kwargs: Any) -> Self:
        told = any(map(_names_tenant, (*args, *kwargs.items())))
        return super().filter(*args, **kwargs)._telling(self.told or told)

    def none(self) -> Self:
        return super().none()._telling(True)

    def bulk_update(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> int:
        # Like the new objects of bulk_create, these already have their tenants.
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
        return super().__and__(other)._telling(self.told or _told(other))

    def __or__(self, other: Any) -> Self:
        return super().__or__(other)._telling(self.told and _told(other))

    def __xor__(self, other: Any) -> Self:
        return super().__xor__(other)._telling(self.told and _told(other))

    def _combinator_query(self, combinator: str, *others: Any, **kwargs: Any) -> Self:
        told = all(map(_told, (self, *others)))
        combined: Self = super()._combinator_query(combinator, *others, **kwargs)  # type: ignore[misc]
        return combined._telling(told)

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        return clone._telling(self.told)

    def _telling(self, told: bool) -> Self:
        # In place: one more clone would use up what Django's many-to-many managers made sticky.
        self.told = told
        return self


class GuardedManager(models.Manager[M]):
    """For application code. In a migration, which may mean all tenants, it is a plain manager."""

    use_in_migrations = True

    def deconstruct(self) -> Any:
        return models.Manager().deconstruct()

    def __eq__(self, other: object) -> bool:
        # The manager that a migration made of it is no change.
        return type(other) is models.Manager or super().__eq__(other)

    __hash__ = models.Manager.__hash__


class UnscopedManager(models.Manager[M]):
    """For the frameworks themselves: their queries need not name the tenant."""

    def get_queryset(self) -> Any:
        return super().get_queryset()._telling(True)  # type: ignore[attr-defined]


class TenantOwned(models.Model):
    """An object of exactly one tenant.

    A subclass with a query set of its own declares both managers anew:
    `objects = Mine.as_manager()` and `unscoped = UnscopedManager.from_queryset(Mine)()`. A subclass
    with a `Meta` of its own lets that inherit. A system check says where either is missing.
    """

    tenant = models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+")

    objects: ClassVar[Any] = TenantQuerySet.as_manager()
    unscoped: ClassVar[Any] = UnscopedManager.from_queryset(TenantQuerySet)()

    class Meta:
        abstract = True
        base_manager_name = "unscoped"
        default_manager_name = "unscoped"

    def clean_fields(self, exclude: Iterable[str] | None = None) -> None:
        """Refuse, besides what Django does, another tenant, and a link to another tenant's row."""
        excluded = set(exclude or ())
        super().clean_fields(excluded)
        if not self.tenant_id:
            return
        placed = placed_links(type(self)).keys() - excluded
        errors = {
            link.name: _no_such(link, getattr(self, link.attname))
            for link in self._meta.concrete_fields
            if link.name in placed and self._elsewhere(link.related_model, link)
        }
        if "tenant" not in excluded and not self._state.adding and self._elsewhere(type(self)):
            errors["tenant"] = ValidationError("An object cannot change its tenant.", code="fixed")
        if errors:
            raise ValidationError(errors)

    def _elsewhere(self, model: Any, link: Any = None) -> bool:
        """Return whether the linked row, or without a link this row, is of another tenant."""
        rows = elsewhere(model._base_manager.all(), self.tenant_id)
        key = {link.target_field.name: getattr(self, link.attname)} if link else {"pk": self.pk}
        found: bool = rows.filter(**key).exists()
        return found

    def validate_unique(self, exclude: Iterable[str] | None = None) -> None:
        """Validate as Django does, within the tenant, even if a form does not show it."""
        super().validate_unique(self._but_for_tenant(exclude))

    def validate_constraints(self, exclude: Iterable[str] | None = None) -> None:
        """Validate as Django does, within the tenant, even if a form does not show it."""
        super().validate_constraints(self._but_for_tenant(exclude))

    def _but_for_tenant(self, exclude: Iterable[str] | None) -> set[str]:
        return set(exclude or ()) - ({"tenant"} if self.tenant_id else set())


def _no_such(link: Any, value: Any) -> ValidationError:
    """Return the error that Django gives for a row that does not exist."""
    names = {"model": link.related_model._meta.verbose_name, "field": link.target_field.name}
    params = {**names, "pk": value, "value": value}
    return ValidationError(link.error_messages["invalid"], code="invalid", params=params)


def _told(query: models.QuerySet[Any]) -> bool:
    # Any other query set never asks.
    return getattr(query, "told", True)


def _names_tenant(condition: Any) -> bool:
    """Return whether the condition holds only for rows of a tenant that it names."""
    if isinstance(condition, models.Q):
        anded = condition.connector == models.Q.AND and not condition.negated
        return anded and any(map(_names_tenant, condition.children))
    return isinstance(condition, tuple) and condition[0].split("__")[0] in {"tenant", "tenant_id"}

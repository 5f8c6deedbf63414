"""Writes to holders' columns: naming somebody in one grants them its audience."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import models, transaction

from permissions import ceiling, loading
from permissions.audiences import Resource, registry
from permissions.ceiling import AboveCeiling, Gift, Key
from permissions.links import links
from permissions.subjects import Subject
from tenants.placed import tenant_name, with_tenants
from tenants.scoping import TenantQuerySet


def resource_of(model: Any) -> Resource | None:
    """Return the model's declaration, if any; a proxy has its concrete model's."""
    label = model._meta.concrete_model._meta.label_lower
    return registry.get(label) if label in registry else None


@contextmanager
def weighed(rows: models.QuerySet[Any], fields: Collection[str], **which: Any) -> Iterator[None]:
    """Check what this block writes to these fields of these rows as grants by the current actor.

    `which` says more narrowly which of the rows.

    Raise AboveCeiling judged by the state before the block. For actors who may do everything,
    nothing is read.
    """
    actor, resource = ceiling.current(), resource_of(rows.model)
    named = [field for field in (resource.named if resource else ()) if field in fields]
    if resource is None or not named or actor.unlimited:
        yield
        return
    with transaction.atomic(using=rows.db, savepoint=False):
        locked = rows.filter(**which).order_by("pk").select_for_update(no_key=True)
        tenant = tenant_name(rows.model)
        before = loading.values_of_all(with_tenants(locked), (tenant, *named))
        keys = {pk: Key(pk, row[tenant] or 0) for pk, row in before.items()}
        found = ceiling.standings(resource, keys.values(), actor)
        yield
        written: models.QuerySet[Any] = models.QuerySet(rows.model, using=rows.db)
        after = loading.values_of_all(written.filter(pk__in=before), named)
        gifts: list[Gift] = [
            (keys[pk], Subject(user_id=row[field]), resource.declared(resource.holders[field]))
            for pk, row in after.items()
            for field in named
            if row[field] not in (None, before[pk][field])
        ]
        ceiling.weigh(resource, gifts, found)


def on_linking(
    sender: Any, instance: Any, action: str, reverse: bool, pk_set: Any, **_: Any
) -> None:
    """Check what is put into a many-to-many holders' field as grants by the current actor."""
    actor = ceiling.current()
    if action != "pre_add" or actor.unlimited:
        return
    for resource in registry:
        for link in links(resource):
            if link.through is sender:
                objects = [instance] if not reverse else _of_keys(resource, pk_set)
                users = pk_set if not reverse else {instance.pk}
                audience = resource.declared(link.audience)
                gifts = [(o, Subject(user_id=user), audience) for o in objects for user in users]
                ceiling.check(resource, gifts, actor)


def _of_keys(resource: Resource, pks: Collection[Any]) -> list[Key]:
    rows = with_tenants(models.QuerySet(resource.model)).filter(pk__in=pks)
    found = rows.values_list("pk", tenant_name(resource.model))
    return [Key(pk, tenant_id or 0) for pk, tenant_id in found]


class GuardedQuerySet(TenantQuerySet[Any]):
    """A tenant's objects, of which the current actor cannot give away more than allowed."""

    def update(self, **kwargs: Any) -> int:
        """Do Django's update; raise AboveCeiling."""
        names = {self.model._meta.get_field(name).name for name in kwargs}
        # By keys: a query that joins or aggregates cannot be locked.
        keys = self.order_by().values("pk")
        with weighed(models.QuerySet(self.model, using=self.db).filter(pk__in=keys), names):
            return super().update(**kwargs)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Do Django's bulk_create; an actor may not write holders' columns of existing rows."""
        found = resource_of(self.model)
        named = {*(found.named if found else ())} & {*(kwargs.get("update_fields") or ())}
        if named and not ceiling.current().unlimited:
            raise AboveCeiling(None, None)
        return super().bulk_create(objs, *args, **kwargs)

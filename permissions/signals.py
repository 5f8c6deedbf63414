"""What else changes access, whoever writes it: each ends as a row of the access log."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save

from permissions import accesslog, holdings, roles
from permissions.accesslog import Touch
from permissions.models import GroupGrant, Guarded, UserGrant, stored
from tenants.models import Membership
from tenants.signals import membership_ending, role_changing, standing_changed


def connect() -> None:
    """Watch every grant table and guarded model of the project, groups and standings."""
    for model in apps.get_models():
        if issubclass(model, UserGrant | GroupGrant):
            pre_save.connect(on_grant_saving, sender=model, dispatch_uid="earshot.grant")
            post_save.connect(on_grant_saved, sender=model, dispatch_uid="earshot.grant")
            post_delete.connect(on_grant_deleted, sender=model, dispatch_uid="earshot.grant")
        if issubclass(model, Guarded):
            post_delete.connect(on_object_deleted, sender=model, dispatch_uid="earshot.object")
    standing_changed.connect(on_standing_changed, dispatch_uid="earshot.standing")
    membership_ending.connect(holdings.on_membership_ending, dispatch_uid="earshot.holdings")
    role_changing.connect(roles.on_role_changing, dispatch_uid="earshot.roles")
    through: Any = get_user_model().groups.through
    m2m_changed.connect(on_groups_changed, sender=through, dispatch_uid="earshot.groups")


def on_grant_saving(sender: Any, instance: Any, **_: Any) -> None:
    """A permission row is about to be written over: whoever had it may lose it."""
    if instance.pk is not None:
        accesslog.record_grants(stored(sender.objects.filter(pk=instance.pk)), "regranted")


def on_grant_saved(instance: Any, **_: Any) -> None:
    """A permission row was written by instance."""
    accesslog.record_grants([instance], "granted")


def on_grant_deleted(instance: Any, origin: Any, **_: Any) -> None:
    """A permission row went; if its object goes with it, the object's own row says so."""
    deleted: type[Model] = origin.model if isinstance(origin, QuerySet) else type(origin)
    if not issubclass(deleted, Guarded):
        accesslog.record_grants([instance], "revoked")


def on_object_deleted(instance: Any, **_: Any) -> None:
    """An object went: one row for the object, and never a frame."""
    touch = Touch(model=instance._meta.concrete_model._meta.label_lower, object_id=instance.pk)
    accesslog.record(instance.tenant_id, [touch], accesslog.DELETED)


def on_standing_changed(tenant_id: int, user_id: int | None, cause: str, **_: Any) -> None:
    """A membership, a user's activity, a tenant's suspension or a credential changed."""
    accesslog.record(tenant_id, [Touch(user_id=user_id)], cause)


def on_groups_changed(
    instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_: Any
) -> None:
    """Users joined or left Django groups, from either side; a clear is told before it happens."""
    if action not in ("post_add", "post_remove", "pre_clear") or pk_set == set():
        return
    if not reverse:
        users = {instance.pk}
    elif pk_set is None:
        users = set(instance.user_set.values_list("pk", flat=True))
    else:
        users = pk_set
    # In every tenant: the operator may have granted something there to a group of another one.
    standings = Membership.objects.joined().filter(user_id__in=users)
    standings = standings.order_by("tenant_id", "user_id")
    for tenant_id, user_id in standings.values_list("tenant_id", "user_id"):
        accesslog.record(tenant_id, [Touch(user_id=user_id)], "groups changed")

"""What the layers below tell: who leaves a tenant or changes roles, and objects that are gone."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models.signals import post_delete

from permissions import accesslog, holdings, roles
from permissions.accesslog import Touch
from permissions.models import Guarded
from tenants.signals import membership_ending, role_changing


def connect() -> None:
    """Listen to members who leave or change roles, and to every guarded model's deletions."""
    for model in apps.get_models():
        if issubclass(model, Guarded):
            post_delete.connect(on_object_deleted, sender=model, dispatch_uid="earshot.object")
    membership_ending.connect(holdings.on_membership_ending, dispatch_uid="earshot.holdings")
    role_changing.connect(roles.on_role_changing, dispatch_uid="earshot.roles")


def on_object_deleted(instance: Any, **_: Any) -> None:
    """An object went: one row for the object, and never a frame."""
    touch = Touch(model=instance._meta.concrete_model._meta.label_lower, object_id=instance.pk)
    accesslog.record(instance.tenant_id, [touch], accesslog.DELETED)

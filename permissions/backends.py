"""The authentication back end: `user.has_perm(…, obj)` returns the decision."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied
from django.db.models import Model

from permissions import decision, stored
from permissions.audiences import Resource, registry


class AudienceBackend(BaseBackend):
    """Decides on the permissions of audiences on objects of declared resources.

    It comes before guardian's, which knows neither holders, roles nor active memberships, so no
    other back end can grant what it denies. It has no opinion on other permissions and objects. As
    usual in Django, no back end is asked about an active superuser.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether the user holds the permission; raise PermissionDenied if this back end
        denies it."""
        resource = _resource(obj)
        if resource is None:
            return False
        app, _, name = perm.rpartition(".")
        if name not in resource.permissions or app not in ("", obj._meta.app_label):
            return False
        if name in _held(resource, user_obj, obj):
            return True
        raise PermissionDenied

    async def ahas_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Do the same for coroutines."""
        return await sync_to_async(self.has_perm)(user_obj, perm, obj)

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return all permissions that the user holds on the object, by whatever way."""
        resource = _resource(obj)
        if resource is None:
            return set()
        return {f"{obj._meta.app_label}.{name}" for name in _held(resource, user_obj, obj)}


def _resource(obj: Any) -> Resource | None:
    """Return the declaration of the object's model, if any; a proxy has its concrete model's."""
    if not isinstance(obj, Model):
        return None
    label = obj._meta.concrete_model._meta.label_lower  # type: ignore[union-attr]
    return registry.get(label) if label in registry else None


def _held(resource: Resource, user: Any, obj: Any) -> set[str]:
    answer = decision.ask(resource, stored.tenant_of(obj), [(user.pk, obj.pk)])
    return {name for _, name in answer.ways(user.pk, obj.pk)}

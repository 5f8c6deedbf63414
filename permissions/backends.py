"""The authentication back end: `user.has_perm(…, obj)` says what the decision says."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied
from django.db.models import Model

from permissions import decision
from permissions.audiences import Resource, registry


class AudienceBackend(BaseBackend):
    """Decides about the permissions of audiences on objects of declared resources.

    It stands before guardian's, which knows neither holders and roles nor who may come in: so what
    this denies, no other back end gives. Of other permissions and objects it says nothing. As ever
    in Django, no back end is asked about an active superuser.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether they hold it; raises PermissionDenied if not, and it is this one's to decide."""
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
        """The same, for coroutines."""
        return await sync_to_async(self.has_perm)(user_obj, perm, obj)

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """All that they hold on the object, by whichever way; nothing of other objects."""
        resource = _resource(obj)
        if resource is None:
            return set()
        return {f"{obj._meta.app_label}.{name}" for name in _held(resource, user_obj, obj)}


def _resource(obj: Any) -> Resource | None:
    """The declaration of the object's model, if there is one; a proxy has its model's."""
    if not isinstance(obj, Model):
        return None
    label = obj._meta.concrete_model._meta.label_lower  # type: ignore[union-attr]
    return registry.get(label) if label in registry else None


def _held(resource: Resource, user: Any, obj: Any) -> set[str]:
    answer = decision.ask(resource, obj.tenant_id, [(user.pk, obj.pk)])
    return {name for _, name in answer.ways(user.pk, obj.pk)}

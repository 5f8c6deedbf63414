"""Their declarations, all alike, and their addresses."""

from __future__ import annotations

from typing import Any

from django.urls import include, path

from permissions.audiences import Audience, Resource
from permissions.rest import CreateMixin
from permissions.rest_grants import GrantsMixin
from permissions.serializers import AudienceSerializer
from project.urls import urlpatterns as ours
from tenants.opaque import OpaqueIdField
from tests.keyed.models import DECLARED, LIVE, Badge, Book, Existing, Leaf, Sheet
from tests.routed import routed


def serializer(model: Any, *fields: str) -> Any:
    """A serializer of these fields."""
    meta = type("Meta", (), {"model": model, "fields": ("id", *fields)})
    inside = {"id": OpaqueIdField(model), "Meta": meta}
    return type(f"{model.__name__}Serializer", (AudienceSerializer,), inside)


def declared(model: Any) -> Resource:
    """A keeper may write it, and a looker read its title."""
    name = model._meta.model_name
    writes = ("title",)
    is_plain = issubclass(model, Existing)
    more = ["version"] if model in LIVE else ["loud", "version"] if is_plain else []
    keeper = serializer(model, "title", *more)
    return Resource(
        model=model,
        visible_by={"deleted_at": None} if is_plain else {},
        audiences=(
            Audience("keeper", f"change_{name}", keeper, writes=writes, deletes=True, grants=True),
            Audience("looker", f"view_{name}", serializer(model, "title")),
        ),
        holders={"owner": "keeper", **({"members": "looker"} if hasattr(model, "members") else {})},
        tenant=PATHS.get(model),
    )


PATHS: dict[Any, str] = {
    Badge: "shelf__tenant",
    Book: "shelf__tenant",
    Leaf: "board__shelf__tenant",
}
MODELS: list[Any] = [*DECLARED, Sheet, Badge]
RESOURCES = {model: declared(model) for model in MODELS}
router = routed(RESOURCES, CreateMixin, GrantsMixin)
urlpatterns = [path("api/", include(router.urls)), *ours]

"""Their declarations, which show and let write all that they have."""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from rest_framework import serializers

from permissions.audiences import Audience, Resource
from permissions.serializers import AudienceSerializer
from project.urls import urlpatterns as ours
from tenants.opaque import OpaqueIdField
from tests.formed.columns import GENERATED, name_of
from tests.formed.forms import COLUMNS, UNWRITTEN
from tests.formed.models import MODELS
from tests.routed import routed

FORMS = [*map(name_of, (*COLUMNS, *GENERATED))]


def declared(model: Any) -> Resource:
    """Whoever holds an object may write what REST can."""
    meta = {"model": model, "fields": ("id", "title", *FORMS)}
    inside = {
        "id": OpaqueIdField(model),
        "filefield": serializers.CharField(read_only=True),  # its name
        "imagefield": serializers.CharField(read_only=True),
        "Meta": type("Meta", (), meta),
    }
    writes = ("title", *(name for name in FORMS if name not in UNWRITTEN))
    shown: Any = type(f"{model.__name__}Serializer", (AudienceSerializer,), inside)
    keeper = Audience("keeper", f"change_{model._meta.model_name}", shown, writes=writes)
    return Resource(model=model, audiences=(keeper,), holders={"owner": "keeper"})


RESOURCES = {model: declared(model) for model in MODELS}
router = routed(RESOURCES)
urlpatterns = [path("api/", include(router.urls)), *ours]

"""The declarations of lamps, bulbs and shades, and their addresses."""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from rest_framework import serializers

from permissions.audiences import Audience, Resource
from permissions.rest import CreateMixin
from project.urls import urlpatterns as ours
from tests.housed.models import Bulb, Lamp, Shade
from tests.keyed.urls import serializer
from tests.routed import routed


class LampBody(serializers.ModelSerializer[Lamp]):
    """What a body may say of a lamp: also where it is."""

    class Meta:
        model = Lamp
        fields = ("title", "tenant")
        extra_kwargs = {"tenant": {"required": False}}


def declared(model: Any, *writes: str, tenant: str | None = None) -> Resource:
    """A keeper may write it, and a looker read its title."""
    name = model._meta.model_name
    keeper = serializer(model, "title", *writes)
    return Resource(
        model=model,
        audiences=(
            Audience("keeper", f"change_{name}", keeper, writes=("title", *writes), deletes=True),
            Audience("looker", f"view_{name}", serializer(model, "title")),
        ),
        holders={"owner": "keeper"},
        roles={"member": "looker"},
        tenant=tenant,
    )


RESOURCES = {
    Lamp: declared(Lamp),
    Bulb: declared(Bulb, "lamp", tenant="lamp__tenant"),
    Shade: declared(Shade, "lamp", "bulb"),
}
router = routed(RESOURCES, CreateMixin)
urlpatterns = [path("api/", include(router.urls)), *ours]

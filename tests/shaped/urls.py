"""Their declarations, all alike, and their addresses."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from django.urls import include, path
from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows, as_is
from permissions.serializers import AudienceSerializer
from project.urls import urlpatterns as ours
from tenants.opaque import OpaqueIdField
from tests.keyed.urls import serializer
from tests.routed import routed
from tests.shaped.models import DECLARED, Computed, Desk, Shared, Soft, Tag, Tagged


class TaggedSerializer(AudienceSerializer):
    """It shows the name of a tag, which has a seal of bytes, and what is computed of it."""

    id = OpaqueIdField(Tagged)
    tag_name = serializers.CharField(read_only=True, allow_null=True)
    tag_hint = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = Tagged
        fields = ("id", "title", "tag_name", "tag_hint")


def tagged(rows: Any) -> Any:
    return rows.annotate(tag_name=F("nulled__name"), tag_hint=F("nulled__whole"))


def with_tags(tags: list[Any]) -> Any:
    return QuerySet(Tagged).filter(nulled__in=[tag.pk for tag in tags])


VISIBLE: dict[Any, dict[str, Any]] = {Soft: {"gone": False}, Computed: {"hides": False}}


def declared(model: Any) -> Resource:
    """Whoever holds an object may write and delete it."""
    keeper = Audience(
        "keeper",
        f"change_{model._meta.model_name}",
        TaggedSerializer if model is Tagged else serializer(model, "title"),
        writes=("title",),
        deletes=True,
    )
    shown = (
        Shows("tag_name", Tag, ("name", "seal"), find=with_tags, by=("nulled",)),
        Shows("tag_hint", Tag, ("whole",), find=with_tags, by=("nulled",)),
    )
    return Resource(
        model=model,
        audiences=(keeper,),
        shows=shown if model is Tagged else (),
        prepare=tagged if model is Tagged else as_is,
        holders={"owner": "keeper", **({"members": "keeper"} if model is Shared else {})},
        visible_by=VISIBLE.get(model, {}),
        tenant="office__tenant" if model is Desk else None,
    )


RESOURCES = {model: declared(model) for model in DECLARED}
router = routed(RESOURCES)
urlpatterns = [path("api/", include(router.urls)), *ours]

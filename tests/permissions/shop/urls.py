"""Items over REST: `change_item` writes everything but the secret."""

from typing import Any

from django.urls import include, path
from rest_framework import serializers
from rest_framework.routers import SimpleRouter

from permissions.audiences import Audience, Resource
from permissions.rest import AudienceViewSet, CreateMixin
from permissions.rest_grants import GrantsMixin
from permissions.serializers import AudienceSerializer
from tests.permissions.shop.models import Item

WRITES = (
    "title", "code", "aisle", "place", "low", "high", "label", "main", "needed", "belongs_to",
    "extra",
    "ratio", "big", "small", "took", "at", "uuid", "price", "raw",
    "beside", "group", "day", "hour", "notes", "stars",
)  # fmt: skip


class KeeperSerializer(AudienceSerializer):
    needed = serializers.IntegerField(allow_null=True, required=False)
    belongs_to = serializers.IntegerField(source="part_of_id", allow_null=True, required=False)

    beside: Any = serializers.SlugRelatedField(
        "code", queryset=Item.objects.all(), source="part_of", allow_null=True, required=False
    )
    group = serializers.IntegerField(source="group_id", allow_null=True, required=False)

    class Meta:
        model = Item
        fields = ("id", *WRITES)


class LookerSerializer(AudienceSerializer):
    class Meta:
        model = Item
        fields = ("id", "title")


ITEMS = Resource(
    model=Item,
    audiences=(
        Audience(
            "keeper", "change_item", KeeperSerializer, writes=WRITES, deletes=True, grants=True
        ),
        Audience("looker", "view_item", LookerSerializer),
    ),
    holders={"owner": "keeper"},
)


class ItemViewSet(CreateMixin, GrantsMixin, AudienceViewSet):
    resource = ITEMS


router: Any = SimpleRouter()
router.register("items", ItemViewSet, basename="item")
urlpatterns = [path("api/", include(router.urls))]

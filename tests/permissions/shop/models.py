"""Items that the database watches."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Lower
from model_utils import FieldTracker

from permissions.models import GroupGrant, UserGrant
from realtime.models import LiveModel


class Item(LiveModel):
    """A constraint of each kind, and a column of JSON."""

    owner = models.ForeignKey("earshot_tenants.User", models.PROTECT, null=True, related_name="+")
    title = models.CharField(max_length=50, default="", blank=True)
    code = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001 - unique or none
    aisle = models.IntegerField(null=True)
    place = models.IntegerField(null=True)
    low = models.IntegerField(default=0)
    high = models.IntegerField(default=100)
    label = models.CharField(max_length=20, null=True)  # noqa: DJ001 - unique or none
    main = models.BooleanField(default=False)
    needed = models.IntegerField(default=1)
    secret = models.IntegerField(default=0)
    part_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    group = models.ForeignKey("auth.Group", models.PROTECT, null=True, related_name="+")
    extra = models.JSONField(max_length=2000, default=dict, blank=True)
    ratio = models.FloatField(null=True)
    big = models.BigIntegerField(null=True)
    small = models.PositiveSmallIntegerField(null=True)
    took = models.DurationField(null=True)
    at = models.DateTimeField(null=True)
    uuid = models.UUIDField(null=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    raw = models.BinaryField(max_length=8, editable=True, null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    notes = models.TextField(max_length=100, default="", blank=True)
    stars = models.IntegerField(null=True, choices=[(1, "One"), (2, "Two")])

    tracker = FieldTracker(
        fields=[
            "owner", "title", "code", "aisle", "place", "low", "high", "label", "main", "needed",
            "secret", "part_of", "extra", "ratio", "big", "small", "took", "at", "uuid", "price",
            "raw", "group", "day", "hour", "notes", "stars",
        ]
    )  # fmt: skip

    class Meta(LiveModel.Meta):
        app_label = "shop"
        unique_together: ClassVar[Any] = [("tenant", "aisle", "place")]
        constraints: ClassVar[Any] = [
            models.UniqueConstraint(
                fields=["tenant", "title"], condition=~models.Q(title=""), name="shop_title"
            ),
            models.UniqueConstraint("tenant", Lower("label"), name="shop_label"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(main=True), name="shop_main"
            ),
            models.CheckConstraint(condition=models.Q(low__lte=models.F("high")), name="shop_low"),
            models.CheckConstraint(
                condition=models.Q(secret__lt=models.F("needed")), name="shop_secret"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ItemUserGrant(UserGrant):
    content_object = models.ForeignKey(Item, models.CASCADE)

    class Meta(UserGrant.Meta):
        app_label = "shop"


class ItemGroupGrant(GroupGrant):
    content_object = models.ForeignKey(Item, models.CASCADE)

    class Meta(GroupGrant.Meta):
        app_label = "shop"


MODELS: list[type[models.Model]] = [Item, ItemUserGrant, ItemGroupGrant]

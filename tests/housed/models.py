"""Houses, who works in them, and the lamps, bulbs and shades that they have."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from permissions.models import GroupGrant, UserGrant
from tenants.scoping import TenantOwned
from tests.keyed.models import Placed


class House(models.Model):
    """A tenant: it is closed from a day on, and its key is a UUID."""

    code = models.UUIDField(primary_key=True, default=uuid.uuid4, db_column="the code")
    short = models.SlugField(unique=True)
    title = models.CharField(max_length=300, default="")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "housed"
        db_table = "a house"

    def __str__(self) -> str:
        return self.short


class Employment(models.Model):
    """Somebody may be employed several times, in several ways; a rest is no end."""

    house = models.ForeignKey(House, models.CASCADE, related_name="+")
    person = models.ForeignKey(
        "earshot_tenants.User", models.CASCADE, null=True, related_name="+", db_column="the person"
    )
    level = models.IntegerField(default=1, choices=[(9, "boss"), (5, "auditor"), (1, "worker")])
    resting = models.BooleanField(default=False)

    class Meta:
        app_label = "housed"


class Lamp(Placed):
    """It names its house by what others call a tenant."""

    tenant = models.ForeignKey(House, models.CASCADE, related_name="+")

    class Meta(Placed.Meta):
        app_label = "housed"


class Bulb(Placed):
    """It is in a lamp."""

    lamp = models.ForeignKey(Lamp, models.CASCADE, null=True, related_name="+")

    class Meta(Placed.Meta):
        app_label = "housed"


class Shade(Placed):
    """It is in a house, and on a lamp or a bulb."""

    tenant = models.ForeignKey(House, models.CASCADE, related_name="+")
    lamp = models.ForeignKey(Lamp, models.CASCADE, null=True, related_name="+")
    bulb = models.ForeignKey(Bulb, models.CASCADE, null=True, related_name="+")

    class Meta(Placed.Meta):
        app_label = "housed"


class Label(TenantOwned):
    """It is in a tenant of ours, and on what is in houses."""

    lamp = models.ForeignKey(Lamp, models.CASCADE, null=True, blank=True, related_name="+")
    bulb = models.ForeignKey(Bulb, models.CASCADE, null=True, blank=True, related_name="+")
    bulbs = models.ManyToManyField(Bulb, related_name="+", blank=True)

    class Meta(TenantOwned.Meta):
        app_label = "housed"


def grants(model: type[models.Model], base: Any) -> Any:
    """The model's direct table of this kind."""
    meta = type("Meta", (base.Meta,), {"app_label": "housed"})
    inside = {
        "__module__": __name__,
        "Meta": meta,
        "content_object": models.ForeignKey(model, models.CASCADE),
    }
    return type(f"{model.__name__}{base.__name__}", (base,), inside)


DECLARED: list[Any] = [Lamp, Bulb, Shade]
MODELS: list[type[models.Model]] = [
    House,
    Employment,
    *DECLARED,
    Label,
    *(grants(model, base) for model in DECLARED for base in (UserGrant, GroupGrant)),
]

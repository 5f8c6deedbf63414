"""Live models with a small integer, a UUID and a text as their keys."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from model_utils import FieldTracker

from permissions.models import GroupGrant, UserGrant
from realtime.models import LiveModel


class Small(LiveModel):
    id = models.AutoField(primary_key=True)
    owner = models.ForeignKey("earshot_tenants.User", models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50, default="")

    tracker = FieldTracker(fields=["owner", "title"])

    class Meta(LiveModel.Meta):
        app_label = "keyed"

    def __str__(self) -> str:
        return self.title


class Unique(LiveModel):
    code = models.UUIDField(primary_key=True, default=uuid.uuid4, db_column="the code")
    owner = models.ForeignKey("earshot_tenants.User", models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50, default="")

    tracker = FieldTracker(fields=["owner", "title"])

    class Meta(LiveModel.Meta):
        app_label = "keyed"

    def __str__(self) -> str:
        return self.title


class Named(LiveModel):
    name = models.CharField(primary_key=True, max_length=40)
    owner = models.ForeignKey("earshot_tenants.User", models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50, default="")

    tracker = FieldTracker(fields=["owner", "title"])

    class Meta(LiveModel.Meta):
        app_label = "keyed"

    def __str__(self) -> str:
        return self.title


def grants(model: type[models.Model], base: Any) -> Any:
    """The model's direct table of this kind."""
    meta = type("Meta", (base.Meta,), {"app_label": "keyed"})
    inside = {
        "__module__": __name__,
        "Meta": meta,
        "content_object": models.ForeignKey(model, models.CASCADE),
    }
    return type(f"{model.__name__}{base.__name__}", (base,), inside)


LIVE: list[type[LiveModel]] = [Small, Unique, Named]
MODELS: list[type[models.Model]] = [
    *LIVE,
    *(grants(model, base) for model in LIVE for base in (UserGrant, GroupGrant)),
]

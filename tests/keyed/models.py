"""Live models with a small integer, a UUID and a text as their keys, and models of others."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models.functions import Upper
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


class Shown(models.Manager[Any]):
    """Hides what was deleted."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


class Existing(models.Model):
    """What a project had before: a manager of its own, and a version that counts nothing."""

    tenant = models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+")
    owner = models.ForeignKey("earshot_tenants.User", models.SET_NULL, null=True, related_name="+")
    members = models.ManyToManyField("earshot_tenants.User", related_name="%(class)ss")
    title = models.CharField(max_length=50, default="")
    version = models.CharField(max_length=10, default="A")
    loud = models.GeneratedField(
        expression=Upper("title"), output_field=models.CharField(max_length=50), db_persist=True
    )
    batch = models.UUIDField(null=True)
    deleted_at = models.DateTimeField(null=True)

    objects = Shown()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.title


class Paper(Existing):
    class Meta(Existing.Meta):
        app_label = "keyed"
        db_table = "a paper"


class Folder(Existing):
    code = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta(Existing.Meta):
        app_label = "keyed"


class Sheet(Existing):
    """It has no tables of grants: guardian keeps them in its generic ones."""

    name = models.CharField(primary_key=True, max_length=40)

    class Meta(Existing.Meta):
        app_label = "keyed"


class Shelf(models.Model):
    """What says whose the books are; it is not declared."""

    tenant = models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+")
    objects: Any = models.Manager()

    class Meta:
        app_label = "keyed"


class Board(models.Model):
    """A part of a shelf."""

    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="+")
    objects: Any = models.Manager()

    class Meta:
        app_label = "keyed"


class Placed(models.Model):
    """Something of a user's, whose tenant is elsewhere."""

    owner = models.ForeignKey("earshot_tenants.User", models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Book(Placed):
    """Its tenant is its shelf's."""

    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True, related_name="+")

    class Meta(Placed.Meta):
        app_label = "keyed"


class Badge(models.Model):
    """Its key is whose it is, and it has a place among those of its shelf."""

    owner = models.OneToOneField(
        "earshot_tenants.User", models.CASCADE, primary_key=True, related_name="+"
    )
    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="+")
    title = models.CharField(max_length=50, default="")

    class Meta:
        app_label = "keyed"
        order_with_respect_to = "shelf"

    def __str__(self) -> str:
        return self.title


class Leaf(Placed):
    """Its tenant is two steps away."""

    board = models.ForeignKey(Board, models.CASCADE, related_name="+")
    members = models.ManyToManyField("earshot_tenants.User", related_name="leaves")

    class Meta(Placed.Meta):
        app_label = "keyed"


class Loose(Placed):
    """It has no tenant."""

    class Meta(Placed.Meta):
        app_label = "keyed"


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
PLAIN: list[type[Existing]] = [Paper, Folder]
PLACED: list[type[Placed]] = [Book, Leaf, Loose]
DECLARED: list[Any] = [*LIVE, *PLAIN, *PLACED]
MODELS: list[type[models.Model]] = [
    Shelf,
    Board,
    *DECLARED,
    Sheet,
    Badge,
    *(grants(model, base) for model in DECLARED for base in (UserGrant, GroupGrant)),
]

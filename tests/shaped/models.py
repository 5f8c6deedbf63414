"""A model of each class, with each manager and each relation: a project's own, as they were."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Upper

from tenants.models import Tenant, User


class Person(User):
    """A user, seen otherwise."""

    class Meta:
        app_label = "shaped"
        proxy = True


class Base(models.Model):
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50)

    class Meta:
        abstract = True


class Filtered(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().exclude(title="Two")


class Deferring(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().only("pk").order_by("title").select_related("tenant")


class Renamed(Base):
    """It has no `objects`, and managers that hide rows and columns."""

    shown = Filtered()
    objects = None
    short = Deferring()

    class Meta:
        app_label = "shaped"
        base_manager_name = "short"
        default_manager_name = "shown"


class Parent(Base):
    class Meta:
        app_label = "shaped"


class Child(Parent):
    """Nobody declares it: its parent is followed, whichever of both is written."""

    more = models.CharField(max_length=9, default="")

    class Meta:
        app_label = "shaped"


class Soft(Base):
    """It saves and deletes in ways of its own."""

    gone = models.BooleanField(default=False)

    class Meta:
        app_label = "shaped"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and kwargs.pop("mine", True):
            models.QuerySet(type(self)).filter(pk=self.pk).update(title=self.title)
        else:
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        models.QuerySet(type(self)).filter(pk=self.pk).update(gone=True)
        return 0, {}


class Made(Base):
    """Its instances are made, loaded and read again in ways of their own."""

    class Meta:
        app_label = "shaped"
        select_on_save = True
        ordering = ("-title",)
        get_latest_by = "title"
        default_related_name = "the_%(class)s"
        verbose_name = "what {is} made 100%"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = self.__dict__.get("title")

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any) -> Any:  # type: ignore[override]
        found: Any = super().from_db(db, field_names, values)
        found.loaded = dict(zip(field_names, values, strict=False))
        return found

    def refresh_from_db(  # type: ignore[override]
        self, using: Any = None, fields: Any = None, **kwargs: Any
    ) -> None:
        if fields is not None and self.get_deferred_fields() & {*fields}:
            fields = {*fields, *self.get_deferred_fields()}
        super().refresh_from_db(using, fields, **kwargs)

    def clean(self) -> None:
        self.title = self.title.strip()


class Kept(Base):
    """It says where and how the database keeps it, and in which order its owner has it."""

    class Meta:
        app_label = "shaped"
        order_with_respect_to = "owner"
        db_table_comment = "it's {one} of many"
        db_tablespace = "pg_default"
        indexes = (
            models.Index("title", name="shaped_title", db_tablespace="pg_default"),
            models.Index(fields=["tenant"], name="shaped_tenant", condition=~models.Q(title="")),
        )
        permissions = (("look_kept", "May look"),)


class Unmanaged(Base):
    """Its table is made and changed by somebody else."""

    class Meta:
        app_label = "shaped"
        managed = False


class Computed(Base):
    """Whether anybody sees it, the database computes."""

    hides = models.GeneratedField(
        expression=models.Case(
            models.When(title="Hidden", then=models.Value(True)),
            default=models.Value(False),
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        app_label = "shaped"


class Loose(Base):
    """Its owner may be nobody who is there, and its owner is seen as another class."""

    owner = models.ForeignKey(
        Person, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )

    class Meta:
        app_label = "shaped"
        db_table = "it's Ünder a Loose table"


class Building(models.Model):
    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="+")

    class Meta:
        app_label = "shaped"


class Office(Building):
    code = models.SlugField(unique=True)

    class Meta:
        app_label = "shaped"


class Desk(models.Model):
    """Its tenant is that of the building that its office is."""

    owner = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50)
    office = models.OneToOneField(Office, models.CASCADE, related_name="+", to_field="code")

    class Meta:
        app_label = "shaped"


class Tagged(Base):
    """It refers to rows by everything that says what follows when they go."""

    nulled = models.ForeignKey("Tag", models.SET_NULL, null=True, related_name="+")
    replaced = models.ForeignKey(
        "Tag", models.SET(lambda: None), null=True, related_name="+", to_field="name"
    )
    defaulted = models.ForeignKey(
        "Tag", models.SET_DEFAULT, null=True, default=None, related_name="+"
    )
    other = models.ForeignKey("self", models.CASCADE, null=True, related_name="others")
    others_too = models.ManyToManyField("self", symmetrical=True)
    tags = GenericRelation("Tag", "number", "kind", related_query_name="tagged")

    class Meta:
        app_label = "shaped"
        unique_together = (("tenant", "title", "nulled"),)
        constraints = (
            models.CheckConstraint(condition=~models.Q(title=""), name="shaped_titled"),
            models.UniqueConstraint(
                fields=["title"], condition=models.Q(nulled=None), name="shaped_partly"
            ),
        )


class Tag(models.Model):
    name = models.CharField(max_length=9, unique=True)
    seal = models.BinaryField(max_length=9, null=True)
    hint = models.CharField(max_length=9, default="")
    whole = models.GeneratedField(
        expression=Upper("hint"), output_field=models.CharField(max_length=9), db_persist=True
    )
    kind = models.ForeignKey(ContentType, models.CASCADE, null=True, related_name="+")
    number = models.PositiveBigIntegerField(null=True)
    thing = GenericForeignKey("kind", "number")

    class Meta:
        app_label = "shaped"

    def __str__(self) -> str:
        return self.name


class Shared(Base):
    """Its members are in a table with two users, and more."""

    members = models.ManyToManyField(
        Person, through="Share", through_fields=("shared", "member"), related_name="shared_with"
    )

    class Meta:
        app_label = "shaped"


class Share(models.Model):
    shared = models.ForeignKey(Shared, models.CASCADE, related_name="+")
    member = models.ForeignKey(Person, models.CASCADE, related_name="+")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=9, default="")

    class Meta:
        app_label = "shaped"
        unique_together = (("shared", "member"),)


DECLARED: list[Any] = [
    Renamed,
    Parent,
    Soft,
    Made,
    Kept,
    Unmanaged,
    Computed,
    Loose,
    Desk,
    Tagged,
    Shared,
]
MODELS: list[Any] = [Building, Office, Tag, *DECLARED, Child, Share]

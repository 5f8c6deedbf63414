"""Live models that nobody declared as a resource: they are recorded, and nobody is told."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Upper
from model_utils import FieldTracker

from realtime.models import LiveModel


class Shelf(models.Model):
    """Not live. Its books outlive it."""

    books: Any

    class Meta:
        app_label = "library"

    def __str__(self) -> str:
        return str(self.pk)


class Book(LiveModel):
    title = models.CharField(max_length=20)
    shelf = models.ForeignKey(Shelf, models.SET_NULL, null=True, related_name="books")

    tracker = FieldTracker(fields=["title", "shelf"])

    class Meta(LiveModel.Meta):
        app_label = "library"

    def __str__(self) -> str:
        return self.title


class Novel(Book):
    """A proxy."""

    class Meta(LiveModel.Meta):
        app_label = "library"
        proxy = True
        permissions: ClassVar = []


class Lowered(models.CharField):
    """What is written is another value than the instance has."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        return str(super().pre_save(model_instance, add)).lower()


class Card(LiveModel):
    """Columns of which the database or Django write what nobody assigned."""

    code = models.CharField(max_length=20, unique=True)
    data = models.JSONField(null=True)
    word = Lowered(max_length=20, default="", blank=True)
    moved_at = models.DateTimeField(auto_now=True)
    shouted = models.GeneratedField(
        expression=Upper("code"), output_field=models.CharField(max_length=20), db_persist=True
    )

    tracker = FieldTracker(fields=["code", "data", "word", "moved_at", "shouted"])

    class Meta(LiveModel.Meta):
        app_label = "library"

    def __str__(self) -> str:
        return self.code


MODELS: list[type[models.Model]] = [Shelf, Book, Card]

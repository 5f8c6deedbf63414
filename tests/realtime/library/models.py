"""Live models that nobody declared as a resource: they are recorded, and nobody is told."""

from typing import Any, ClassVar

from django.db import models
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


MODELS: list[type[models.Model]] = [Shelf, Book]

"""The column that counts an object's changes."""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.db.models.query_utils import DeferredAttribute

INSERTING: Final = "_inserting"


class Version(DeferredAttribute):
    """Loaded when it is read, since only the database sets it; but an INSERT reads it first."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is not None and vars(instance).pop(INSERTING, False):
            return 0
        return super().__get__(instance, cls)


class VersionField(models.BigIntegerField):  # type: ignore[type-arg]
    """A version, which only the database sets."""

    descriptor_class = Version

    def deconstruct(self) -> Any:
        """As far as migrations know it is an integer."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.BigIntegerField", args, kwargs


def forget_version(instance: Any) -> None:
    """Its row is about to be inserted: have the version that it gets loaded when it is read."""
    vars(instance).pop("version", None)
    vars(instance)[INSERTING] = True

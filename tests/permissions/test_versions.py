"""The field that only the database sets."""

from django.db import models

from permissions.versions import VersionField


def test_migrations_know_a_version_as_an_integer() -> None:
    """So that they need nothing of this project's."""
    path = VersionField(default=0).deconstruct()[1:]
    assert path == models.BigIntegerField(default=0).deconstruct()[1:]

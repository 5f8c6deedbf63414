"""A person's profile in one tenant: their own view of it, and the one that everybody else has."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from model_utils import FieldTracker

from permissions.models import GroupGrant, UserGrant
from realtime.models import LiveModel
from tenants.models import Membership


class Profile(LiveModel):
    """One for each membership, and gone with it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="profile")
    display_name = models.CharField(max_length=150, default="", blank=True)
    title = models.CharField(max_length=150, default="", blank=True)
    bio = models.TextField(max_length=2_000, default="", blank=True)
    email = models.EmailField(default="", blank=True)
    phone = models.CharField(max_length=32, default="", blank=True)
    timezone = models.CharField(max_length=64, default="UTC", blank=True)

    tracker = FieldTracker(
        fields=[
            "user", "membership", "display_name", "title", "bio", "email", "phone", "timezone",
        ]
    )  # fmt: skip

    class Meta(LiveModel.Meta):
        permissions: ClassVar = [
            ("own_profile", "Is the profile's person"),
            ("administer_profile", "Administers the profile"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "id"], name="profile_listed")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_profile_per_tenant")
        ]

    def __str__(self) -> str:
        return self.display_name


class ProfileUserGrant(UserGrant):
    """A user's permission on a profile."""

    content_object = models.ForeignKey(Profile, on_delete=models.CASCADE)


class ProfileGroupGrant(GroupGrant):
    """A group's permission on a profile."""

    content_object = models.ForeignKey(Profile, on_delete=models.CASCADE)

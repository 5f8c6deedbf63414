"""What each audience of a profile sees; the order of the fields is the payload's."""

from __future__ import annotations

from rest_framework import serializers

from permissions.serializers import AudienceSerializer
from resources.profiles.models import Profile


class SelfSerializer(AudienceSerializer):
    """Everything that a person keeps about themselves."""

    username = serializers.CharField(read_only=True)

    class Meta:
        model = Profile
        fields = (
            "id", "username", "display_name", "title", "bio", "email", "phone", "timezone",
        )  # fmt: skip
        sensitivity = {"id": "public", **dict.fromkeys(fields[1:], "personal")}


class AdminSerializer(AudienceSerializer):
    """What administering a person takes."""

    username = serializers.CharField(read_only=True)

    class Meta:
        model = Profile
        fields = ("id", "username", "display_name", "title", "email")
        sensitivity = {"id": "public", **dict.fromkeys(fields[1:], "personal")}


class MemberSerializer(AudienceSerializer):
    """What colleagues see."""

    class Meta:
        model = Profile
        fields = ("id", "display_name", "title", "bio")
        sensitivity = {"id": "public", **dict.fromkeys(fields[1:], "personal")}

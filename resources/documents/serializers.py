"""What each audience of a document sees; the order of the fields is the payload's."""

from __future__ import annotations

from rest_framework import serializers

from permissions.serializers import AudienceSerializer
from resources.documents.models import Document


class ViewerSerializer(AudienceSerializer):
    """The text and where it stands."""

    owner_name = serializers.CharField(read_only=True)

    class Meta:
        model = Document
        fields: tuple[str, ...] = ("id", "title", "body", "status", "owner_name", "updated_at")
        sensitivity: dict[str, str] = {
            "id": "public",
            "title": "internal",
            "body": "internal",
            "status": "internal",
            "owner_name": "personal",
            "updated_at": "internal",
        }


class EditorSerializer(ViewerSerializer):
    """Also what its editors tell each other."""

    class Meta(ViewerSerializer.Meta):
        fields = (*ViewerSerializer.Meta.fields, "review_notes", "due_on")
        sensitivity = {
            **ViewerSerializer.Meta.sensitivity,
            "review_notes": "confidential",
            "due_on": "internal",
        }


class OwnerSerializer(EditorSerializer):
    """Also the money."""

    class Meta(EditorSerializer.Meta):
        fields = (*EditorSerializer.Meta.fields, "budget")
        sensitivity = {**EditorSerializer.Meta.sensitivity, "budget": "secret"}


class AuditorSerializer(AudienceSerializer):
    """That it exists and where it stands, without its text."""

    owner_name = serializers.CharField(read_only=True)

    class Meta:
        model = Document
        fields = ("id", "title", "status", "owner_name", "created_at")
        sensitivity = {
            "id": "public",
            "title": "internal",
            "status": "internal",
            "owner_name": "personal",
            "created_at": "internal",
        }

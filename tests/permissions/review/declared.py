"""Declarations for the review's tests: documents with a field of each source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows
from permissions.serializers import AudienceSerializer
from resources.models import Document, Profile


class Shout(serializers.CharField):
    """A field with code of its own."""

    def to_representation(self, value: Any) -> str:
        return str(value).upper()


class ViewerSerializer(AudienceSerializer):
    class Meta:
        model = Document
        fields: Any = ("id", "title", "status")
        sensitivity: Any = {"id": "public", "title": "internal", "status": "internal"}


class EditorSerializer(AudienceSerializer):
    owner_name = serializers.CharField(read_only=True)

    class Meta:
        model = Document
        fields = ("id", "title", "status", "budget", "due_on", "owner_name")
        sensitivity: Any = {"title": "internal", "budget": "secret"}


def prepare(documents: QuerySet[Any]) -> QuerySet[Any]:
    return documents


def find(profiles: list[Any]) -> QuerySet[Any]:
    return Document.objects.none()


NAME = Shows("owner_name", Profile, ("display_name",), find, by=("owner",))

EDITOR = Audience(
    "editor", "change_document", EditorSerializer, writes=("title",), deletes=True, grants=True
)
VIEWER = Audience("viewer", "view_document", ViewerSerializer)

BASE = Resource(
    model=Document,
    audiences=(EDITOR, VIEWER),
    holders={"owner": "editor"},
    roles={"admin": "viewer"},
    visible_by={"status": "published"},
    shows=(NAME,),
    prepare=prepare,
    never={"budget": ("viewer",)},
    never_label={"secret": ("viewer",)},
)


def serializer(
    base: type[AudienceSerializer], fields: tuple[str, ...], **declared: Any
) -> type[AudienceSerializer]:
    """The serializer with other fields, labelled as before."""
    meta = type("Meta", (base.Meta,), {"fields": fields})
    return type(base.__name__, (base,), {"Meta": meta, "__module__": __name__, **declared})


def viewer(*fields: str, **declared: Any) -> Audience:
    """The viewer, who also sees these."""
    more = (*ViewerSerializer.Meta.fields, *fields)
    return replace(VIEWER, serializer=serializer(ViewerSerializer, more, **declared))

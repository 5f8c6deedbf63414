"""Declarations that the probe is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows
from permissions.review.probing import probe
from permissions.serializers import AudienceSerializer
from resources.models import Document
from tests.permissions.review.declared import serializer

Declare = Callable[[Resource], Resource]


class Plain(AudienceSerializer):
    class Meta:
        model = Document
        fields: Any = ("id", "title")


def viewer(*fields: str, **declared: Any) -> Audience:
    shown = serializer(Plain, (*Plain.Meta.fields, *fields, *declared), **declared)
    return Audience("viewer", "view_document", shown)


def documents(*audiences: Audience, **more: Any) -> Resource:
    return Resource(model=Document, audiences=audiences, **{"holders": {}, **more})


def faults(resource: Resource) -> list[str]:
    return [str(fault) for fault in probe([resource]).faults]


def nothing(rows: list[Any]) -> Any:
    return Document.objects.none()


def of_people(people: list[Any]) -> Any:
    return Document.objects.across_tenants().filter(owner__in=people)


TEXT: Any = serializers.CharField(read_only=True)
OWN = Shows("teaser", Document, ("title",), lambda rows: Document.objects.across_tenants().filter(
    pk__in=[row.pk for row in rows]))  # fmt: skip

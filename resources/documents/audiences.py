"""Who sees a document as what."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from permissions.audiences import Audience, Resource, Shows, registry
from resources.documents.models import Document
from resources.documents.serializers import (
    AuditorSerializer,
    EditorSerializer,
    OwnerSerializer,
    ViewerSerializer,
)
from resources.profiles.models import Profile

TEXT = ("title", "body", "status", "review_notes", "due_on")


def with_owner_name(documents: QuerySet[Any]) -> QuerySet[Any]:
    """The documents with the display name on their owner's profile in the same tenant."""
    profiles = Profile.objects.filter(tenant=OuterRef("tenant"), user=OuterRef("owner"))
    name = Subquery(profiles.values("display_name")[:1])
    return documents.annotate(owner_name=Coalesce(name, Value("")))


def owned_by(profiles: list[Profile]) -> QuerySet[Any]:
    """The documents that show these profiles' names."""
    owners = Q(pk__in=[])
    for profile in profiles:
        owners |= Q(tenant=profile.tenant_id, owner=profile.user_id)
    return Document.objects.across_tenants().filter(owners)


DOCUMENTS = registry.register(
    Resource(
        model=Document,
        audiences=(
            Audience(
                "owner", "own_document", OwnerSerializer,
                writes=(*TEXT, "budget"), deletes=True, grants=True,
            ),
            Audience("editor", "change_document", EditorSerializer, writes=TEXT),
            Audience("viewer", "view_document", ViewerSerializer),
            Audience("auditor", "audit_document", AuditorSerializer),
        ),
        holders={"owner": "owner"},
        roles={"admin": "auditor"},
        shows=(Shows("owner_name", Profile, ("display_name",), find=owned_by, by=("owner",)),),
        prepare=with_owner_name,
        never={
            "budget": ("editor", "viewer", "auditor"),
            "body": ("auditor",),
            "review_notes": ("viewer", "auditor"),
        },
        never_label={"secret": ("editor", "viewer", "auditor")},
        filters=("status",),
    )
)  # fmt: skip

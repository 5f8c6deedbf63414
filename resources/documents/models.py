"""A document, and who may see it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from model_utils import FieldTracker

from permissions.models import GroupGrant, UserGrant
from realtime.models import LiveModel


class Status(models.TextChoices):
    """Where a document stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Document(LiveModel):
    """A text with a life, notes for its reviewers and a budget for its owner.

    `updated_at` moves with title, body and status only: it must not be a clock for changes that its
    readers cannot see.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=100_000, default="", blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT)
    review_notes = models.TextField(max_length=100_000, default="", blank=True)
    due_on = models.DateField(null=True, blank=True)
    budget = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    stamps: ClassVar = {"updated_at": ("title", "body", "status")}
    tracker = FieldTracker(
        fields=[
            "owner", "title", "body", "status", "review_notes", "due_on", "budget",
            "created_at", "updated_at",
        ]
    )  # fmt: skip

    class Meta(LiveModel.Meta):
        permissions: ClassVar = [
            ("own_document", "Owns the document"),
            ("audit_document", "Sees that the document exists, and its state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "id"], name="document_listed"),
            models.Index(fields=["tenant", "owner", "id"], name="document_listed_by_owner"),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentUserGrant(UserGrant):
    """A user's permission on a document."""

    content_object = models.ForeignKey(Document, on_delete=models.CASCADE)


class DocumentGroupGrant(GroupGrant):
    """A group's permission on a document."""

    content_object = models.ForeignKey(Document, on_delete=models.CASCADE)

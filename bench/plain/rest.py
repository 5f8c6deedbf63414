"""The plain project's documents over REST: whoever has guardian's permission, by `has_perm`."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import CharField, ModelSerializer

from bench.plain.models import Document


class DocumentSerializer(ModelSerializer):
    """What Earshot shows an owner."""

    owner_name = CharField(source="owner.username", read_only=True)

    class Meta:
        model = Document
        fields = (
            "id", "title", "body", "status", "review_notes", "due_on", "budget", "owner",
            "owner_name", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("owner", "created_at", "updated_at")


class HasPerm(BasePermission):
    """Asks Django's back ends."""

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        action = "view" if request.method == "GET" else "change"
        return request.user.has_perm(f"plain.{action}_document", obj)


class DocumentView(RetrieveUpdateAPIView):
    """One document."""

    queryset = Document._default_manager.select_related("owner")
    serializer_class = DocumentSerializer
    permission_classes = (IsAuthenticated, HasPerm)


urlpatterns = [path("documents/<int:pk>/", DocumentView.as_view())]

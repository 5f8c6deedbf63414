"""Profiles over REST."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from permissions.rest import AudienceViewSet
from resources.profiles.audiences import PROFILES


class ProfileViewSet(AudienceViewSet):
    """`/api/profiles/`: everybody in the tenant, each as the reader sees them."""

    resource = PROFILES
    http_method_names = ("get", "patch", "head", "options")

    @action(detail=False)
    def me(self, request: Request) -> Response:
        """The reader's own profile."""
        own: Any = self.get_queryset().filter(user=request.user).values_list("pk", flat=True)
        pk = own.first()
        if pk is None:
            raise Http404
        return self.answer_read(pk)

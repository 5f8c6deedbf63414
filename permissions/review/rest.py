"""The review over REST, for a tenant's admins and reviewers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from permissions.review.catalogue import catalogue
from permissions.review.showing import rows
from tenants.rest import IsReviewer, Pagination, PrivateResponseMixin


class ReviewedAudienceSerializer(serializers.Serializer[Any]):
    """An audience: who gets it, and what it sees and writes."""

    audience = serializers.CharField()
    permission = serializers.CharField()
    holders = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField())
    by_grant = serializers.BooleanField()
    deletes = serializers.BooleanField()
    grants = serializers.BooleanField()
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    writes = serializers.ListField(child=serializers.CharField())


class ReviewedFieldSerializer(serializers.Serializer[Any]):
    """A field: what it is, and who reads and writes it."""

    field = serializers.CharField()
    type = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    nullable = serializers.BooleanField()
    sensitivity = serializers.CharField()
    readers = serializers.ListField(child=serializers.CharField())
    writers = serializers.ListField(child=serializers.CharField())


class ReviewedModelSerializer(serializers.Serializer[Any]):
    """A model: its audiences in order, its fields, and what is never shown."""

    model = serializers.CharField()
    audiences = ReviewedAudienceSerializer(many=True)
    fields = ReviewedFieldSerializer(many=True)  # type: ignore[assignment]
    visible_by = serializers.DictField(child=serializers.CharField())
    never = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    never_label = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))


class PayloadsView(PrivateResponseMixin, GenericAPIView[Any]):
    """What each audience of each model is shown, and who is in it."""

    permission_classes = (IsReviewer,)
    pagination_class = Pagination
    serializer_class = ReviewedModelSerializer

    @extend_schema(responses=ReviewedModelSerializer(many=True))
    def get(self, request: Request) -> Response:
        """A page of models; no value of any object is in it."""
        page: Any = self.paginate_queryset(rows(catalogue()))
        return self.get_paginated_response(page)

"""The review over REST, for a tenant's admins and reviewers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from permissions import people
from permissions.audiences import registry
from permissions.disclosures import disclose
from permissions.fields import ModelField
from permissions.review import telling
from permissions.review.catalogue import catalogue
from permissions.review.explaining import explain
from permissions.review.showing import rows
from tenants import opaque
from tenants.keys import nobody
from tenants.models import Membership, Role
from tenants.rest import IsReviewer, Pagination, PrivateResponseMixin, StrictSerializer
from tenants.users import User


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


class WhoSerializer(StrictSerializer):
    """Whose audience of what is to be explained."""

    user = serializers.CharField()
    model = ModelField()
    id = serializers.CharField()


class TriedSerializer(serializers.Serializer[Any]):
    """An audience that was tried before."""

    audience = serializers.CharField()
    permission = serializers.CharField()
    why_not = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """Why somebody is in their audience of an object, or in none."""

    one_of: ClassVar = ("username", "name")  # admins are told the first, reviewers the second

    user = serializers.CharField()
    username = serializers.CharField(required=False)
    name = serializers.CharField(allow_null=True, required=False)
    model = serializers.CharField()
    id = serializers.CharField()
    audience = serializers.CharField(allow_null=True)
    permission = serializers.CharField(allow_null=True)
    path = serializers.CharField(allow_null=True)
    how = serializers.CharField(allow_null=True)
    default = serializers.BooleanField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    since_before = serializers.BooleanField(
        allow_null=True, help_text="It was so before `since` already, when the record began."
    )
    granted_by = serializers.CharField(allow_null=True)
    granted_at = serializers.DateTimeField(allow_null=True)
    tried = TriedSerializer(many=True)
    obstacles = serializers.ListField(child=serializers.CharField())
    changes = serializers.ListField(child=serializers.CharField())
    etag = serializers.CharField(allow_null=True)
    payload = serializers.DictField(help_text="Only fields that the caller is shown, too.")
    hidden = serializers.ListField(child=serializers.CharField())


class ExplainView(PrivateResponseMixin, GenericAPIView[Any]):
    """Why a member is in their audience of an object, or in none, and what would change it."""

    permission_classes = (IsReviewer,)
    serializer_class = ExplanationSerializer

    @extend_schema(parameters=[OpenApiParameter(n, required=True) for n in ("user", "model", "id")])
    def get(self, request: Any) -> Response:
        """404 for an object or a user of another tenant, as for none."""
        known = WhoSerializer().fields
        asked = WhoSerializer(data={n: v for n, v in request.query_params.items() if n in known})
        asked.is_valid(raise_exception=True)
        resource = registry.get(asked.validated_data["model"])
        pk = opaque.decode(resource.model, asked.validated_data["id"])
        user = self.member(opaque.decode(User, asked.validated_data["user"]))
        if pk is None or user is None:
            raise Http404
        found = explain(resource, request.tenant, user, pk, reader_id=request.user.pk)
        if found is None:
            raise Http404
        shown = telling.shown(found)
        if shown["payload"] and found.by_reader:
            disclose(request.tenant, request.user.pk, [found.by_reader])
        return Response({**telling.as_json(found), **self.named(user), **shown})

    def member(self, user_id: int | None) -> User | None:
        """Return a member of the tenant, active or not; not one who is only invited."""
        request: Any = self.request
        members = Membership.objects.joined().filter(
            tenant=request.tenant, user=user_id or nobody()
        )
        member = members.select_related("user").first()
        return None if member is None else member.user

    def named(self, user: User) -> dict[str, str | None]:
        """Return the user as the person asking is told them."""
        request: Any = self.request
        if request.membership.role == Role.ADMIN:
            return {"username": user.get_username()}
        return {"name": people.names(request.tenant.pk, request.user.pk, {user.pk}).get(user.pk)}
